using System.Runtime.CompilerServices;
using Npgsql;

namespace Platform.Costs;

/// <summary>What costs are told apart by.</summary>
public enum CostDimension
{
    Month,
    Day,
    Module,
    Wedding,
    Site,
    Album,
}

/// <summary>Which costs. What is not set is any.</summary>
/// <param name="Until">The first day that is left out.</param>
public sealed record CostFilter(
    DateOnly From, DateOnly Until, string? Module = null, string? WeddingId = null, string? Site = null, Guid? AlbumId = null)
{
    /// <summary>All days of a month.</summary>
    public static CostFilter OfMonth(DateOnly month)
    {
        var first = new DateOnly(month.Year, month.Month, 1);
        return new CostFilter(first, first.AddMonths(1));
    }

    /// <summary>From the first day to the last there can be.</summary>
    public static CostFilter Ever { get; } = new(new DateOnly(2000, 1, 1), new DateOnly(3000, 1, 1));
}

/// <param name="Name">Of the module, wedding, site or album; of a month or day, its date.</param>
public sealed record CostLine(string Name, Usage Usage, Cost Cost);

/// <summary>A day and an account: the finest there is.</summary>
public sealed record CostRow(DateOnly Day, UsageAccount Account, Usage Usage, Cost Cost);

/// <summary>Reads costs from the read model: exact sums of its rows.</summary>
public sealed class CostQuery
{
    private const string Sums = """
        coalesce(sum(class_a), 0)::bigint, coalesce(sum(class_b), 0)::bigint, coalesce(sum(free), 0)::bigint, coalesce(sum(bytes_in), 0)::bigint,
        coalesce(sum(bytes_out), 0)::bigint, coalesce(sum(cpu_us), 0)::bigint, coalesce(sum(stored_bytes), 0)::bigint,
        coalesce(sum(operations_usd), 0), coalesce(sum(egress_usd), 0), coalesce(sum(processors_usd), 0), coalesce(sum(storage_usd), 0), coalesce(sum(fixed_usd), 0)
        """;

    private const string Filter = """
        day >= $1 and day < $2 and ($3::text is null or module = $3) and ($4::text is null or wedding_id = $4)
            and ($5::text is null or site = $5) and ($6::text is null or album_id = $6)
        """;

    private readonly NpgsqlDataSource database;

    internal CostQuery(NpgsqlDataSource database) => this.database = database;

    /// <summary>One line for each name there is, the dearest first; of months and days, the oldest first. What has no such name is left out.</summary>
    public async Task<IReadOnlyList<CostLine>> GroupAsync(
        CostDimension by, CostFilter filter, int limit, CancellationToken cancellationToken)
    {
        var (name, order) = by switch
        {
            CostDimension.Month => ("to_char(day, 'YYYY-MM')", "1"),
            CostDimension.Day => ("to_char(day, 'YYYY-MM-DD')", "1"),
            CostDimension.Wedding => ("wedding_id", Dearest),
            CostDimension.Site => ("site", Dearest),
            CostDimension.Album => ("album_id", Dearest),
            _ => ("module", Dearest),
        };
        await using var query = Command($"select {name}, {Sums} from costs.day where {Filter} and {name} <> '' group by 1 order by {order} limit $7", filter);
        query.Parameters.Add(new() { Value = limit });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var lines = new List<CostLine>();
        while (await rows.ReadAsync(cancellationToken))
        {
            lines.Add(new CostLine(rows.GetString(0), ReadUsage(rows, 1), ReadCost(rows, 8)));
        }

        return lines;
    }

    /// <summary>All of it in one line.</summary>
    public async Task<CostLine> SumAsync(CostFilter filter, CancellationToken cancellationToken)
    {
        await using var query = Command($"select {Sums} from costs.day where {Filter}", filter);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        await rows.ReadAsync(cancellationToken);
        return new CostLine("", ReadUsage(rows, 0), ReadCost(rows, 7));
    }

    /// <summary>Every row, by day.</summary>
    public async IAsyncEnumerable<CostRow> RowsAsync(CostFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var query = Command(
            $"""
            select day, module, wedding_id, site, album_id, class_a, class_b, free, bytes_in, bytes_out, cpu_us, stored_bytes,
                operations_usd, egress_usd, processors_usd, storage_usd, fixed_usd
            from costs.day where {Filter} order by day, module, wedding_id, site, album_id
            """,
            filter);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var account = new UsageAccount(
                rows.GetString(1), Named(rows, 2), Named(rows, 3), Named(rows, 4) is { } album ? Guid.Parse(album) : null);
            yield return new CostRow(rows.GetFieldValue<DateOnly>(0), account, ReadUsage(rows, 5), ReadCost(rows, 12));
        }
    }

    private const string Dearest = "sum(operations_usd + egress_usd + processors_usd + storage_usd + fixed_usd) desc, 1";

    private NpgsqlCommand Command(string sql, CostFilter filter)
    {
        var command = database.CreateCommand(sql);
        command.Parameters.Add(new() { Value = filter.From });
        command.Parameters.Add(new() { Value = filter.Until });
        foreach (var value in (string?[])[filter.Module, filter.WeddingId, filter.Site, filter.AlbumId?.ToString()])
        {
            command.Parameters.Add(new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        }

        return command;
    }

    private static string? Named(NpgsqlDataReader rows, int column) => rows.GetString(column) is { Length: > 0 } name ? name : null;

    private static Usage ReadUsage(NpgsqlDataReader rows, int first) => new(
        rows.GetInt64(first),
        rows.GetInt64(first + 1),
        rows.GetInt64(first + 2),
        rows.GetInt64(first + 3),
        rows.GetInt64(first + 4),
        rows.GetInt64(first + 5),
        rows.GetInt64(first + 6));

    private static Cost ReadCost(NpgsqlDataReader rows, int first) => new(
        rows.GetDecimal(first), rows.GetDecimal(first + 1), rows.GetDecimal(first + 2), rows.GetDecimal(first + 3), rows.GetDecimal(first + 4));
}
