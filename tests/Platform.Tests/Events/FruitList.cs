using Npgsql;
using Platform.Events;

namespace Platform.Tests.Events;

/// <summary>A read model with one row per event, which keeps how it was told of it. A fruit called "poison" it cannot take.</summary>
internal sealed class FruitList(PoisonSwitch poison) : IProjection
{
    public const string TheName = "fruit_list";

    public string Name => TheName;

    public string Schema => "fruit";

    public IReadOnlyCollection<Type> Handles => [typeof(FruitAdded)];

    public string CreateTablesSql => """
        create table if not exists seen (number bigint generated always as identity primary key, stream_id text, version bigint, name text, by text);
        create index if not exists seen_name on seen (name);
        create table if not exists total (one int primary key, count bigint);
        create index if not exists total_count on total (count);
        """;

    public async Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        var added = (FruitAdded)e.Payload;
        await using var command = new NpgsqlCommand(
            """
            insert into seen (stream_id, version, name, by) values ($1, $2, $3, $4);
            """,
            transaction.Connection,
            transaction);
        command.Parameters.Add(new() { Value = e.StreamName });
        command.Parameters.Add(new() { Value = e.Version });
        command.Parameters.Add(new() { Value = added.Name });
        command.Parameters.Add(new() { Value = e.Metadata.By ?? "" });
        await command.ExecuteNonQueryAsync(cancellationToken);

        await using var total = new NpgsqlCommand(
            "insert into total values (1, 1) on conflict (one) do update set count = total.count + 1", transaction.Connection, transaction);
        await total.ExecuteNonQueryAsync(cancellationToken);
        if (poison.IsOn && added.Name == "poison")
        {
            throw new FormatException("It is poison.");
        }
    }
}

internal sealed class PoisonSwitch
{
    public bool IsOn { get; set; } = true;
}
