using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Platform.Events;

/// <summary>Creates and migrates the tables before anything else starts.</summary>
internal sealed class EventSchema(NpgsqlDataSource database, IEnumerable<ISubscription> subscriptions) : IHostedLifecycleService
{
    // Any number that no other part of the product locks.
    private const long Lock = 0x6d_745f_6576_656e;

    private static readonly string[] Steps =
    [
        // Marten 9's tables as Marten makes them, by its names, where it has not made them already; and transaction_id, which says in
        // which order transactions began, which is the order in which the log is read.
        """
        create table if not exists mt_streams (
            id varchar not null constraint pkey_mt_streams_id primary key,
            type varchar,
            version bigint,
            timestamp timestamptz not null default now(),
            created timestamptz not null default now(),
            tenant_id varchar default '*DEFAULT*',
            is_archived boolean default false);

        create sequence if not exists mt_events_sequence;
        create table if not exists mt_events (
            seq_id bigint not null constraint pkey_mt_events_seq_id primary key,
            id uuid not null,
            stream_id varchar constraint fkey_mt_events_stream_id references mt_streams (id) on delete cascade,
            version bigint not null,
            data jsonb not null,
            bdata bytea,
            type varchar(500) not null,
            timestamp timestamptz not null default now(),
            tenant_id varchar default '*DEFAULT*',
            mt_dotnet_type varchar,
            causation_id varchar,
            correlation_id varchar,
            headers jsonb,
            is_archived boolean default false);
        alter sequence mt_events_sequence owned by mt_events.seq_id;
        create unique index if not exists pk_mt_events_stream_and_version on mt_events (stream_id, version);

        create table if not exists mt_event_progression (
            name varchar not null constraint pk_mt_event_progression primary key,
            last_seq_id bigint,
            last_updated timestamptz default transaction_timestamp());

        alter table mt_events add column if not exists transaction_id xid8 not null default pg_current_xact_id();
        create index if not exists mt_events_log on mt_events (transaction_id, seq_id);
        """,

        // Where each subscription is, and at which event it stopped, if it did. What was decided about such an event stays on record.
        """
        create table platform.subscription (
            name varchar not null constraint subscription_pkey primary key,
            transaction_id xid8 not null default '0',
            seq_id bigint not null default 0,
            updated_at timestamptz not null default now(),
            error varchar,
            error_transaction_id xid8,
            error_seq_id bigint);

        create table platform.subscription_decision (
            id bigint generated always as identity constraint subscription_decision_pkey primary key,
            name varchar not null,
            decision varchar not null constraint subscription_decision_known check (decision in ('retry', 'pass')),
            by varchar not null,
            reason varchar,
            decided_at timestamptz not null default now(),
            event_id uuid not null,
            stream_id varchar not null,
            version bigint not null,
            error varchar not null);
        """,

        // What somebody asked for, the newest first: the audit log, which leaves out uploads.
        """
        create index mt_events_asked on mt_events (timestamp desc, seq_id desc)
            where headers is not null and causation_id is null and stream_id not like 'upload-%';
        """,
    ];

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        try
        {
            await MigrateAsync(cancellationToken);
        }
        catch (NpgsqlException e) when (Explain(e, settings) is { } reason)
        {
            throw new StartupException($"{reason} (setting ConnectionStrings__Postgres).", e) { ExitCode = 3 };
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using (var transaction = await connection.BeginTransactionAsync(cancellationToken))
        {
            await SchemaSteps.TakeAsync(transaction, "platform", Lock, Steps, cancellationToken);
            foreach (var subscription in subscriptions)
            {
                await ExecuteAsync(transaction, "insert into platform.subscription (name) values ($1) on conflict do nothing", subscription, cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
        }

        foreach (var projection in subscriptions.OfType<IProjection>())
        {
            // Beginning with the checkpoint, as each batch does: another node may be writing to these tables, and locks them in another order.
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(transaction, "select from platform.subscription where name = $1 for no key update", projection, cancellationToken);
            await ProjectionRebuild.CreateTablesAsync(connection, projection, projection.Schema, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
    }

    private static async Task ExecuteAsync(NpgsqlTransaction transaction, string sql, ISubscription subscription, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, transaction.Connection, transaction);
        EventTables.Add(command.Parameters, subscription.Name);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string? Explain(NpgsqlException e, NpgsqlConnectionStringBuilder settings) => e switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } =>
            $"Postgres at {settings.Host}:{settings.Port} refuses user {settings.Username} with the password given",
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } =>
            $"Postgres at {settings.Host}:{settings.Port} has no database {settings.Database}: create it with `createdb {settings.Database}`",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } =>
            $"User {settings.Username} may not create tables in database {settings.Database}: make it the database's owner",
        { InnerException: SocketException or TimeoutException } =>
            $"No Postgres answers at {settings.Host}:{settings.Port}: start it, or correct the address",
        _ => null,
    };
}
