using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Platform.Costs;
using Platform.Events;
using Testing;
using Xunit;

namespace Platform.Tests.Costs;

/// <summary>What was used is recorded once, whatever happens to the database meanwhile.</summary>
public sealed class UsageRecorderTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private EventsHost node = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        node = await EventsHost.StartAsync(database.ConnectionString, services => services.AddEventTypes(CostsWiring.MapEvents));
    }

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Usage_is_recorded_once_whichever_call_to_the_database_fails(bool afterEffect)
    {
        await using var postgres = new FaultyPostgres(database.ConnectionString);
        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        using var store = new EventStore(source, node.Services.GetRequiredService<EventTypes>(), TimeProvider.System);
        var ledger = new UsageLedger([], () => TimeSpan.Zero);
        using var recorder = new UsageRecorder(
            ledger, store, new CostOptions(TimeSpan.FromHours(1)), TimeProvider.System, NullLogger<UsageRecorder>.Instance);
        var used = 0L;
        for (var call = 1; call <= 4; call++)
        {
            postgres.FailAt(call, afterEffect);
            for (var attempt = 1; attempt <= 3; attempt++)
            {
                ledger.Add("key", new Usage(BytesIn: call));
                used += call;
                await recorder.RecordAsync(Cancellation);
            }
        }

        postgres.FailAt(0, afterEffect: false);
        await recorder.RecordAsync(Cancellation);
        await using var query = node.Database.CreateCommand("select data from mt_events where type = 'usage_metered' order by seq_id");
        await using var rows = await query.ExecuteReaderAsync(Cancellation);
        var (recorded, last) = (0L, 0L);
        while (await rows.ReadAsync(Cancellation))
        {
            using var e = JsonDocument.Parse(rows.GetString(0));
            Assert.True(e.RootElement.GetProperty("Number").GetInt64() > last);
            last = e.RootElement.GetProperty("Number").GetInt64();
            recorded += e.RootElement.GetProperty("Lines").EnumerateArray().Sum(line => line.GetProperty("Usage").GetProperty("BytesIn").GetInt64());
        }

        Assert.Equal(used, recorded);
    }
}
