using Npgsql;
using Platform.Events;
using Testing;
using Xunit;

namespace Platform.Tests.Events;

public sealed class EventSchemaTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => database = await TestPostgres.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Nodes_that_start_at_once_on_an_empty_database_all_start()
    {
        var nodes = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => EventsHost.StartAsync(database.ConnectionString, Basket.Add)));

        await Task.WhenAll(nodes.Select((node, i) => AddAsync(node, $"fruit {i}")));

        Assert.Equal(6L, await nodes[0].ScalarAsync<long>("select count(*) from mt_events"));
        Assert.Equal(1L, await nodes[0].ScalarAsync<long>("select count(*) from platform.migration where step = 1"));
        await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task Rows_are_exactly_as_Marten_writes_them()
    {
        await using var node = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
        await node.Store.DecideAsync<Basket, IBasketEvent>("b1", _ => [new FruitAdded("Äpfel", 2, Ripeness.Green)], Cancel);
        await AddAsync(node, "pear", "b1");

        Assert.Equal(
            "b1|basket|2|*DEFAULT*|false",
            await node.ScalarAsync<string>("select concat_ws('|', replace(id, 'basket-', ''), type, version, tenant_id, is_archived::text) from mt_streams"));
        Assert.Equal(
            "basket-b1|1|fruit_added|{\"Name\": \"Äpfel\", \"Count\": 2, \"Ripeness\": \"Green\"}|*DEFAULT*|Platform.Tests.Events.FruitAdded, Platform.Tests|false",
            await node.ScalarAsync<string>("""
                select concat_ws('|', stream_id, version, type, data, tenant_id, mt_dotnet_type, bdata, causation_id, correlation_id, headers, is_archived::text)
                from mt_events where version = 1
                """));
        Assert.True(await node.ScalarAsync<bool>("""
            select s.timestamp = e2.timestamp and s.created = e1.timestamp and e1.timestamp < e2.timestamp
                and e1.seq_id < e2.seq_id and e1.transaction_id < e2.transaction_id
            from mt_streams s join mt_events e1 on e1.version = 1 join mt_events e2 on e2.version = 2
            """));
    }

    [Fact]
    public async Task Tables_have_Martens_columns_keys_and_names()
    {
        await using var node = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);

        Assert.Equal(
            """
            id character varying NO
            type character varying YES
            version bigint YES
            timestamp timestamp with time zone NO now()
            created timestamp with time zone NO now()
            tenant_id character varying YES '*DEFAULT*'::character varying
            is_archived boolean YES false
            """,
            await ColumnsAsync("mt_streams"));
        Assert.Equal(
            """
            seq_id bigint NO
            id uuid NO
            stream_id character varying YES
            version bigint NO
            data jsonb NO
            bdata bytea YES
            type character varying(500) NO
            timestamp timestamp with time zone NO now()
            tenant_id character varying YES '*DEFAULT*'::character varying
            mt_dotnet_type character varying YES
            causation_id character varying YES
            correlation_id character varying YES
            headers jsonb YES
            is_archived boolean YES false
            transaction_id xid8 NO pg_current_xact_id()
            """,
            await ColumnsAsync("mt_events"));
        Assert.Equal(
            "name character varying NO\nlast_seq_id bigint YES\nlast_updated timestamp with time zone YES transaction_timestamp()",
            await ColumnsAsync("mt_event_progression"));
        Assert.Equal(
            "fkey_mt_events_stream_id,pk_mt_event_progression,pkey_mt_events_seq_id,pkey_mt_streams_id",
            await node.ScalarAsync<string>("select string_agg(conname, ',' order by conname) from pg_constraint where conrelid::regclass::text like 'mt_%'"));
        Assert.Equal(
            "CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON public.mt_events USING btree (stream_id, version)",
            await node.ScalarAsync<string>("select indexdef from pg_indexes where indexname = 'pk_mt_events_stream_and_version'"));
        Assert.Equal("public.mt_events_sequence", await node.ScalarAsync<string>("select pg_get_serial_sequence('mt_events', 'seq_id')"));

        Task<string> ColumnsAsync(string table) => node.ScalarAsync<string>($"""
            select string_agg(concat_ws(' ', column_name, data_type || coalesce('(' || character_maximum_length || ')', ''), is_nullable, column_default),
                e'\n' order by ordinal_position)
            from information_schema.columns where table_name = '{table}'
            """);
    }

    [Fact]
    public async Task Tables_that_Marten_made_are_taken_over_with_their_events()
    {
        await using (var marten = NpgsqlDataSource.Create(database.ConnectionString))
        {
            await using var made = marten.CreateCommand("""
                create table mt_streams (id varchar not null constraint pkey_mt_streams_id primary key, type varchar, version bigint,
                    timestamp timestamptz not null default now(), created timestamptz not null default now(),
                    tenant_id varchar default '*DEFAULT*', is_archived boolean default false);
                create sequence mt_events_sequence;
                create table mt_events (seq_id bigint not null constraint pkey_mt_events_seq_id primary key, id uuid not null, stream_id varchar,
                    version bigint not null, data jsonb not null, bdata bytea, type varchar(500) not null,
                    timestamp timestamptz not null default '2020-01-01', tenant_id varchar default '*DEFAULT*', mt_dotnet_type varchar,
                    causation_id varchar, correlation_id varchar, headers jsonb, is_archived boolean default false);
                create unique index pk_mt_events_stream_and_version on mt_events (stream_id, version);
                insert into mt_streams (id, type, version) values ('basket-b1', 'basket', 1);
                insert into mt_events (seq_id, id, stream_id, version, data, type)
                values (nextval('mt_events_sequence'), gen_random_uuid(), 'basket-b1', 1, '{"Name": "apple", "Count": 1}', 'fruit_added');
                """);
            await made.ExecuteNonQueryAsync(Cancel);
        }

        await using var node = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);

        Assert.Equal(["apple", "pear"], (await AddAsync(node, "pear", "b1")).State.Fruit);
        Assert.Equal(1L, await node.ScalarAsync<long>("select count(*) from mt_events where timestamp > now() - interval '1 minute'"));
    }

    [Fact]
    public async Task A_start_that_cannot_be_says_why_in_one_sentence()
    {
        Assert.Equal(
            "ConnectionStrings__Postgres is not set: give it as `Host=…;Database=…;Username=…;Password=…`.",
            await WhyNotAsync(_ => null));
        Assert.StartsWith("ConnectionStrings__Postgres cannot be read: ", await WhyNotAsync(_ => "Hst=here"), StringComparison.Ordinal);
        Assert.Matches(
            "^No Postgres answers at 127.0.0.1:1: start it, or correct the address .setting ConnectionStrings__Postgres..$",
            await WhyNotAsync(settings => Use(settings, with => with.Port = 1)));
        Assert.Matches(
            "refuses user postgres with the password given .setting ConnectionStrings__Postgres..$",
            await WhyNotAsync(settings => Use(settings, with => with.Password = "wrong")));
        Assert.Matches(
            "has no database nowhere: create it with `createdb nowhere` .setting ConnectionStrings__Postgres..$",
            await WhyNotAsync(settings => Use(settings, with => with.Database = "nowhere")));

        static string Use(NpgsqlConnectionStringBuilder settings, Action<NpgsqlConnectionStringBuilder> change)
        {
            change(settings);
            return settings.ConnectionString;
        }

        async Task<string> WhyNotAsync(Func<NpgsqlConnectionStringBuilder, string?> change)
        {
            var wrong = change(new NpgsqlConnectionStringBuilder(database.ConnectionString));
            return (await Assert.ThrowsAsync<StartupException>(() => EventsHost.StartAsync(wrong!, Basket.Add))).Message;
        }
    }

    private static Task<Folded<Basket>> AddAsync(EventsHost node, string fruit, string id = "b0") =>
        node.Store.DecideAsync<Basket, IBasketEvent>(id, _ => [new FruitAdded(fruit, 1)], Cancel);
}
