using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Platform.Events;
using Platform.Settings;

namespace Platform.Costs;

/// <summary>
/// Prices what was metered: per day and account, by the sheet that was paid at the instant of the event. A row is the exact sum of its events, so
/// whatever is summed from rows is, too.
/// </summary>
internal sealed class CostsProjection(LiveSettings<CostSettings> settings) : IProjection
{
    public string Name => "costs";

    public string Schema => "costs";

    public string CreateTablesSql =>
        """
        create table if not exists day (
            day date not null,
            module text not null,
            wedding_id text not null,
            site text not null,
            album_id text not null,
            class_a bigint not null,
            class_b bigint not null,
            free bigint not null,
            bytes_in bigint not null,
            bytes_out bigint not null,
            cpu_us bigint not null,
            stored_bytes bigint not null,
            operations_usd numeric not null,
            egress_usd numeric not null,
            processors_usd numeric not null,
            storage_usd numeric not null,
            fixed_usd numeric not null,
            primary key (day, module, wedding_id, site, album_id));
        create index if not exists day_wedding on day (wedding_id, day) where wedding_id <> '';
        create index if not exists day_album on day (album_id, day) where album_id <> '';
        create table if not exists settings (
            version bigint primary key,
            changed_at timestamptz not null,
            document jsonb not null);
        """;

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(UsageMetered), typeof(StorageMetered), typeof(SettingsChanged)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) => e.Payload switch
    {
        UsageMetered usage => PriceAsync(usage.At, DateOnly.FromDateTime(usage.At.UtcDateTime), usage.Lines, transaction, cancellationToken),
        StorageMetered stored => PriceAsync(stored.At, stored.Day, stored.Lines, transaction, cancellationToken, isDay: true),
        SettingsChanged change when e.StreamId == CostSettings.Name => KeepAsync(e.Version, change, transaction, cancellationToken),
        _ => Task.CompletedTask,
    };

    private static async Task KeepAsync(long version, SettingsChanged change, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        await using var insert = new NpgsqlCommand("insert into settings values ($1, $2, $3)", transaction.Connection, transaction);
        insert.Parameters.Add(new() { Value = version });
        insert.Parameters.Add(new() { Value = change.ChangedAt });
        insert.Parameters.Add(new() { Value = change.Settings.GetRawText(), NpgsqlDbType = NpgsqlDbType.Jsonb });
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task PriceAsync(
        DateTimeOffset at, DateOnly day, IReadOnlyList<UsageLine> lines, NpgsqlTransaction transaction, CancellationToken cancellationToken, bool isDay = false)
    {
        var sheet = await SheetAtAsync(at, transaction, cancellationToken);
        foreach (var (account, usage) in lines)
        {
            await AddAsync(day, account, usage, sheet.Of(usage, day), transaction, cancellationToken);
        }

        if (isDay)
        {
            await AddAsync(day, UsageAccount.Nobody, new Usage(), sheet.FixedOn(day), transaction, cancellationToken);
        }
    }

    private async Task<PriceSheet> SheetAtAsync(DateTimeOffset at, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        await using var query = new NpgsqlCommand(
            "select document from settings where changed_at <= $1 order by version desc limit 1", transaction.Connection, transaction);
        query.Parameters.Add(new() { Value = at });
        return await query.ExecuteScalarAsync(cancellationToken) is string document
            ? settings.Read(JsonElement.Parse(document)).Sheet
            : new CostSettings().Sheet;
    }

    private static async Task AddAsync(
        DateOnly day, UsageAccount account, Usage usage, Cost cost, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        await using var upsert = new NpgsqlCommand(
            """
            insert into day as d values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            on conflict (day, module, wedding_id, site, album_id) do update set
                class_a = d.class_a + excluded.class_a, class_b = d.class_b + excluded.class_b, free = d.free + excluded.free,
                bytes_in = d.bytes_in + excluded.bytes_in, bytes_out = d.bytes_out + excluded.bytes_out, cpu_us = d.cpu_us + excluded.cpu_us,
                stored_bytes = d.stored_bytes + excluded.stored_bytes, operations_usd = d.operations_usd + excluded.operations_usd,
                egress_usd = d.egress_usd + excluded.egress_usd, processors_usd = d.processors_usd + excluded.processors_usd,
                storage_usd = d.storage_usd + excluded.storage_usd, fixed_usd = d.fixed_usd + excluded.fixed_usd
            """,
            transaction.Connection,
            transaction);
        foreach (var value in (object[])
        [
            day, account.Module, account.WeddingId ?? "", account.Site ?? "", account.AlbumId?.ToString() ?? "",
            usage.ClassAOperations, usage.ClassBOperations, usage.FreeOperations, usage.BytesIn, usage.BytesOut, usage.CpuMicroseconds, usage.StoredBytes,
            cost.OperationsUsd, cost.EgressUsd, cost.ProcessorsUsd, cost.StorageUsd, cost.FixedUsd,
        ])
        {
            upsert.Parameters.Add(new() { Value = value });
        }

        await upsert.ExecuteNonQueryAsync(cancellationToken);
    }
}
