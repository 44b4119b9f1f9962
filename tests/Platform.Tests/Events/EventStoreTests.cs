using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Npgsql;
using Platform.Events;
using Testing;
using Xunit;

namespace Platform.Tests.Events;

public sealed class EventStoreTests : IAsyncLifetime
{
    private readonly StreamId id = Guid.CreateVersion7();
    private TestDatabase database = null!;
    private EventsHost node = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EventStore Store => node.Store;

    private string StreamName => $"basket-{id}";

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        node = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
    }

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_stream_without_events_is_its_initial_state_at_version_0()
    {
        var folded = await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);

        Assert.Equal(0, folded.Version);
        Assert.Equal(Basket.Initial, folded.State);
    }

    [Fact]
    public async Task What_was_decided_is_folded_by_another_node()
    {
        var decided = await Store.DecideAsync<Basket, IBasketEvent>(id, _ => [new FruitAdded("apple", 1), new FruitAdded("pear", 2)], Cancel);
        await using var other = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);

        var folded = await other.Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);

        Assert.Equal(2, decided.Version);
        Assert.Equal(["apple", "pear"], decided.State.Fruit);
        Assert.Equal(2, folded.Version);
        Assert.Equal(["apple", "pear"], folded.State.Fruit);
    }

    [Fact]
    public async Task A_kept_state_is_never_stale()
    {
        await using var other = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
        foreach (var fruit in new[] { "apple", "pear", "plum", "fig" })
        {
            await AddAsync(Store, fruit);
            Assert.Equal(fruit, (await other.Store.FoldAsync<Basket, IBasketEvent>(id, Cancel)).State.Fruit[^1]);
            await AddAsync(other.Store, fruit + "s");
            Assert.Equal(fruit + "s", (await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel)).State.Fruit[^1]);
        }
    }

    [Fact]
    public async Task Only_events_newer_than_the_kept_state_are_read()
    {
        await AddAsync(Store, "apple");
        await AddAsync(Store, "pear");
        await SqlAsync($"update mt_events set data = jsonb_set(data, '{{Name}}', '\"changed\"') where stream_id = '{StreamName}'");

        var kept = await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);
        await using var other = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
        var fresh = await other.Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);

        Assert.Equal(["apple", "pear"], kept.State.Fruit);
        Assert.Equal(["changed", "changed"], fresh.State.Fruit);
    }

    [Fact]
    public async Task A_conflict_names_the_expected_and_the_actual_version()
    {
        var folded = await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);
        await AddAsync(Store, "apple");
        await AddAsync(Store, "pear");

        var conflict = await Assert.ThrowsAsync<StreamConflictException>(
            () => Store.AppendAsync<Basket, IBasketEvent>(id, folded, [new FruitAdded("late", 1)], Cancel));
        var ahead = await Assert.ThrowsAsync<StreamConflictException>(
            () => Store.AppendAsync<Basket, IBasketEvent>(id, folded with { Version = 7 }, [new FruitAdded("early", 1)], Cancel));

        Assert.Equal((0, 2), (conflict.ExpectedVersion, conflict.ActualVersion));
        Assert.Equal($"Stream {StreamName} is at version 2, not at 0 as expected.", conflict.Message);
        Assert.Equal((7, 2), (ahead.ExpectedVersion, ahead.ActualVersion));
        Assert.Equal(2, await CountAsync());
    }

    [Fact]
    public async Task A_stream_that_is_not_there_refuses_an_append_at_a_later_version()
    {
        var conflict = await Assert.ThrowsAsync<StreamConflictException>(
            () => Store.AppendAsync<Basket, IBasketEvent>(id, new(Basket.Initial, 3), [new FruitAdded("apple", 1)], Cancel));

        Assert.Equal((3, 0), (conflict.ExpectedVersion, conflict.ActualVersion));
        Assert.Equal(0, await CountAsync());
    }

    [Fact]
    public async Task An_event_written_behind_the_back_of_mt_streams_is_a_conflict_too()
    {
        await AddAsync(Store, "apple");
        var folded = await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);
        await SqlAsync($$"""
            insert into mt_events (seq_id, id, stream_id, version, data, type)
            values (nextval('mt_events_sequence'), gen_random_uuid(), '{{StreamName}}', 2, '{}', 'fruit_added')
            """);

        await Assert.ThrowsAsync<StreamConflictException>(
            () => Store.AppendAsync<Basket, IBasketEvent>(id, folded, [new FruitAdded("pear", 1)], Cancel));
    }

    [Fact]
    public async Task Fifty_deciders_at_once_each_have_their_event_once()
    {
        await using var other = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
        var names = Enumerable.Range(0, 50).Select(number => $"fruit {number}").ToArray();

        await Task.WhenAll(names.Select((name, i) => AddAsync(i % 2 == 0 ? Store : other.Store, name)));

        var folded = await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel);
        Assert.Equal(50, folded.Version);
        Assert.Equal(names.Order(), folded.State.Fruit.Order());
        Assert.Equal(50, await CountAsync());
    }

    [Fact]
    public async Task A_decision_without_events_writes_nothing()
    {
        var folded = await Store.DecideAsync<Basket, IBasketEvent>(id, _ => [], Cancel);

        Assert.Equal(0, folded.Version);
        Assert.Equal(0L, await node.ScalarAsync<long>("select count(*) from mt_streams"));
    }

    [Fact]
    public async Task Several_streams_are_appended_to_together_or_not_at_all()
    {
        await AddAsync(Store, "apple");
        var second = Guid.CreateVersion7();

        await Store.AppendAsync(
            [
                StreamAppend.To<Basket, IBasketEvent>(id, 1, [new FruitAdded("pear", 1)]),
                StreamAppend.To<Basket, IBasketEvent>(second, 0, [new FruitAdded("plum", 1)]),
            ],
            Cancel);
        var conflict = await Assert.ThrowsAsync<StreamConflictException>(() => Store.AppendAsync(
            [
                StreamAppend.To<Basket, IBasketEvent>(second, 1, [new FruitAdded("fig", 1)]),
                StreamAppend.To<Basket, IBasketEvent>(id, 1, [new FruitAdded("fig", 1)]),
            ],
            Cancel));

        Assert.Equal((1, 2), (conflict.ExpectedVersion, conflict.ActualVersion));
        Assert.Equal(["apple", "pear"], (await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel)).State.Fruit);
        Assert.Equal(["plum"], (await Store.FoldAsync<Basket, IBasketEvent>(second, Cancel)).State.Fruit);
        Assert.Equal(1L, await node.ScalarAsync<long>(
            $"select count(distinct transaction_id) from mt_events where stream_id = 'basket-{second}' or (stream_id = '{StreamName}' and version = 2)"));
    }

    [Fact]
    public async Task Streams_are_read_forward_and_backward_from_any_version()
    {
        await Store.AppendAsync<Basket, IBasketEvent>(
            id, new(Basket.Initial, 0), [.. Enumerable.Range(1, 1_201).Select(number => new FruitAdded($"{number}", number))], Cancel);

        var all = await Store.ReadAsync(StreamName, 1, Cancel).ToListAsync(Cancel);
        var tail = await Store.ReadAsync(StreamName, 1_200, Cancel).Select(e => e.Version).ToListAsync(Cancel);
        var newest = await Store.ReadBackwardAsync(StreamName, long.MaxValue, Cancel).Select(e => e.Version).ToListAsync(Cancel);

        Assert.Equal(Enumerable.Range(1, 1_201).Select(number => (long)number), all.Select(e => e.Version));
        Assert.Equal(new FruitAdded("1201", 1_201), all[^1].Payload);
        Assert.Equal(id.Value, all[0].StreamId);
        Assert.Equal([1_200, 1_201], tail);
        Assert.Equal(all.Select(e => e.Version).Reverse(), newest);
    }

    [Fact]
    public async Task Events_of_unknown_types_are_read_as_json_and_left_out_of_the_state()
    {
        await AddAsync(Store, "apple");
        await SqlAsync($$"""
            update mt_streams set version = 2 where id = '{{StreamName}}';
            insert into mt_events (seq_id, id, stream_id, version, data, type)
            values (nextval('mt_events_sequence'), gen_random_uuid(), '{{StreamName}}', 2, '{"Height": 3}', 'basket_dropped')
            """);

        var decided = await AddAsync(Store, "pear");
        var events = await Store.ReadAsync(StreamName, 1, Cancel).ToListAsync(Cancel);

        Assert.Equal(3, decided.Version);
        Assert.Equal(["apple", "pear"], decided.State.Fruit);
        Assert.Equal(3, Assert.IsType<JsonElement>(events[1].Payload).GetProperty("Height").GetInt32());
    }

    [Fact]
    public async Task An_archived_stream_reads_as_empty_and_refuses_events()
    {
        var folded = await AddAsync(Store, "apple");

        await Store.ArchiveAsync<Basket, IBasketEvent>(id, Cancel);

        Assert.Equal(0, (await Store.FoldAsync<Basket, IBasketEvent>(id, Cancel)).Version);
        Assert.Empty(await Store.ReadAsync(StreamName, 1, Cancel).ToListAsync(Cancel));
        await Assert.ThrowsAsync<StreamArchivedException>(() => AddAsync(Store, "pear"));
        await Assert.ThrowsAsync<StreamArchivedException>(
            () => Store.AppendAsync<Basket, IBasketEvent>(id, folded, [new FruitAdded("pear", 1)], Cancel));
        Assert.Equal(1, await CountAsync());
    }

    [Fact]
    public async Task A_waiter_wakes_as_soon_as_another_node_appends()
    {
        await using var other = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
        await AddAsync(other.Store, "apple");
        Assert.True(await Store.WaitForEventAsync(StreamName, 0, TimeSpan.Zero, Cancel));
        Assert.False(await Store.WaitForEventAsync(StreamName, 1, TimeSpan.FromMilliseconds(50), Cancel));

        // A poll comes a second after the waiting began: who is through before was woken. A busy machine may hold up many a round.
        var withoutPoll = TimeSpan.FromMilliseconds(900);
        var fastest = TimeSpan.MaxValue;
        for (var version = 1; version < 30 && fastest > withoutPoll; version++)
        {
            var watch = Stopwatch.StartNew();
            var waiting = Store.WaitForEventAsync(StreamName, version, TimeSpan.FromMinutes(1), Cancel);
            await Task.Delay(100, Cancel);
            Assert.False(waiting.IsCompleted);
            await AddAsync(other.Store, "pear");
            Assert.True(await waiting);
            fastest = watch.Elapsed < fastest ? watch.Elapsed : fastest;
        }

        Assert.True(fastest <= withoutPoll, $"{fastest}");
    }

    [Fact]
    public async Task An_event_that_nobody_waits_for_signals_nothing()
    {
        await using var quiet = await EventsHost.StartAsync(database.ConnectionString, services => services.AddEventTypes(
            types => types.Map<FruitAdded>("fruit_added").Map<BasketClosed>("basket_closed", isSignalled: false)));
        var signals = new ConcurrentQueue<string>();
        await using var listener = new NpgsqlConnection(database.ConnectionString);
        await listener.OpenAsync(Cancel);
        listener.Notification += (_, signal) => signals.Enqueue(signal.Payload);
        await using (var listen = new NpgsqlCommand("listen mt_events", listener))
        {
            await listen.ExecuteNonQueryAsync(Cancel);
        }

        var none = new Folded<Basket>(Basket.Initial, 0);
        await quiet.Store.AppendAsync<Basket, IBasketEvent>("silent", none, [new BasketClosed(DateTimeOffset.UnixEpoch)], Cancel);
        await quiet.Store.AppendAsync<Basket, IBasketEvent>("loud", none, [new FruitAdded("apple", 1)], Cancel);
        while (!signals.Any(signal => signal.Contains("basket-loud", StringComparison.Ordinal)))
        {
            await listener.WaitAsync(Cancel);
        }

        Assert.DoesNotContain(signals, signal => signal.Contains("basket-silent", StringComparison.Ordinal));
        Assert.True(await quiet.Store.WaitForEventAsync("basket-silent", 0, TimeSpan.Zero, Cancel));
    }

    [Fact]
    public async Task What_is_recalled_may_be_outdated_and_is_folded_where_nothing_is_known()
    {
        await using var other = await EventsHost.StartAsync(database.ConnectionString, Basket.Add);
        await AddAsync(Store, "apple");

        var folded = await other.Store.RecallAsync<Basket, IBasketEvent>(id, Cancel);
        await AddAsync(Store, "pear");
        var recalled = await other.Store.RecallAsync<Basket, IBasketEvent>(id, Cancel);

        Assert.Equal(["apple"], folded.State.Fruit);
        Assert.Equal(1, recalled.Version);
        await Assert.ThrowsAsync<StreamConflictException>(
            () => other.Store.AppendAsync<Basket, IBasketEvent>(id, recalled, [new FruitAdded("plum", 1)], Cancel));
        Assert.Equal(["apple", "pear"], (await other.Store.FoldAsync<Basket, IBasketEvent>(id, Cancel)).State.Fruit);
    }

    [Fact]
    public async Task Why_and_by_whom_is_recorded()
    {
        using var activity = new Activity("request").Start();
        activity.SetBaggage(EventMetadata.CausationItem, "request-7");
        activity.SetBaggage(EventMetadata.ByItem, "couple \"A & B\"");
        await AddAsync(Store, "apple");

        var e = await Store.ReadAsync(StreamName, 1, Cancel).SingleAsync(Cancel);

        Assert.Equal(new EventMetadata(activity.TraceId.ToHexString(), "request-7", "couple \"A & B\""), e.Metadata);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    public async Task Headers_of_another_program_name_nobody(string headers)
    {
        await AddAsync(Store, "apple");
        await SqlAsync($"update mt_events set headers = '{headers}'");

        Assert.Null((await Store.ReadAsync(StreamName, 1, Cancel).SingleAsync(Cancel)).Metadata.By);
    }

    /// <summary>The meter is the process': only what this test's own calls add is looked at.</summary>
    [Fact]
    public async Task Appends_and_conflicts_are_counted()
    {
        var isOwn = new AsyncLocal<bool> { Value = true };
        var counted = new ConcurrentQueue<(string Name, long Value, string? Stream)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Platform.Events")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (isOwn.Value)
            {
                counted.Enqueue((instrument.Name, value, tags[0].Value as string));
            }
        });
        listener.Start();

        await Store.DecideAsync<Basket, IBasketEvent>(id, _ => [new FruitAdded("apple", 1), new FruitAdded("pear", 2)], Cancel);
        await Assert.ThrowsAsync<StreamConflictException>(
            () => Store.AppendAsync<Basket, IBasketEvent>(id, new(Basket.Initial, 0), [new FruitAdded("late", 1)], Cancel));

        Assert.Equal([("events.appended", 2, Basket.Category), ("events.conflicts", 1, Basket.Category)], counted);
    }

    private async Task<Folded<Basket>> AddAsync(EventStore store, string fruit) =>
        await store.DecideAsync<Basket, IBasketEvent>(id, _ => [new FruitAdded(fruit, 1)], Cancel);

    private Task<long> CountAsync() => node.ScalarAsync<long>($"select count(*) from mt_events where stream_id = '{StreamName}'");

    private async Task SqlAsync(string sql)
    {
        await using var command = node.Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancel);
    }
}
