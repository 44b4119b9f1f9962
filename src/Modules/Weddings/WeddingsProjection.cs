using Npgsql;
using Platform.Events;
using Weddings.Contracts;

namespace Weddings;

/// <summary>The module's tables: weddings for lists, whose address belongs to which, and what must be counted by all nodes.</summary>
internal sealed class WeddingsProjection : IProjection
{
    public string Name => "weddings";

    public string Schema => "weddings";

    public string CreateTablesSql =>
        """
        create table if not exists wedding (
            id text primary key,
            name text not null,
            date date,
            registered_at timestamptz not null);
        create index if not exists wedding_registered on wedding (registered_at desc, id desc);
        create table if not exists email (
            address text not null,
            wedding_id text not null,
            primary key (address, wedding_id));
        create table if not exists sign_in (
            hash text primary key,
            wedding_id text not null,
            created_at timestamptz not null,
            expires_at timestamptz not null,
            consumed_at timestamptz);
        create table if not exists password_try (
            link_id uuid primary key,
            tries int not null,
            since timestamptz not null);
        """;

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(WeddingRegistered)];

    public async Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        var wedding = (WeddingRegistered)e.Payload;
        await using var insert = new NpgsqlCommand(
            """
            with wedding as (
                insert into wedding (id, name, date, registered_at) values ($1, $2, $3, $4) on conflict (id) do nothing)
            insert into email (address, wedding_id) select distinct lower(address), $1 from unnest($5) address on conflict do nothing
            """,
            transaction.Connection,
            transaction);
        insert.Parameters.Add(new() { Value = wedding.WeddingId });
        insert.Parameters.Add(new() { Value = wedding.Name });
        insert.Parameters.Add(new() { Value = wedding.Date is { } date ? date : DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Date });
        insert.Parameters.Add(new() { Value = wedding.At });
        insert.Parameters.Add(new() { Value = wedding.Emails.ToArray() });
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }
}
