using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Events;
using Platform.Settings;
using Testing;
using Xunit;

namespace Platform.Tests.Settings;

public sealed class LiveSettingsTests : IAsyncLifetime
{
    private static readonly OvenSettings Hot = new() { Degrees = 250, Mode = OvenMode.Grill };

    private TestDatabase database = null!;
    private EventsHost one = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        one = await StartAsync(new OvenSettings());
    }

    public async ValueTask DisposeAsync()
    {
        await one.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task The_defaults_hold_until_somebody_changes_them()
    {
        var settings = Of(one);
        Assert.Equal((new OvenSettings(), 0), await settings.ReadAsync(Cancellation));
        Assert.Equal((Hot, 1), await settings.ChangeAsync(Hot, "ann", expectedVersion: 0, Cancellation));
        Assert.Equal(Hot, settings.Current);
    }

    [Fact]
    public async Task A_change_reaches_every_node_without_a_restart()
    {
        await using var two = await StartAsync(new OvenSettings());
        await Of(one).ChangeAsync(Hot, "ann", 0, Cancellation);
        for (var limit = DateTime.UtcNow.AddMinutes(1); Of(two).Current != Hot; await Task.Delay(5, Cancellation))
        {
            Assert.True(DateTime.UtcNow < limit, "The other node did not hear of it.");
        }

        await using var three = await StartAsync(new OvenSettings());
        Assert.Equal(Hot, Of(three).Current);
    }

    [Fact]
    public async Task A_change_made_from_another_version_is_refused()
    {
        await Of(one).ChangeAsync(Hot, "ann", 0, Cancellation);
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(
            () => Of(one).ChangeAsync(Hot with { Degrees = 90 }, "bob", 0, Cancellation));
        Assert.Equal("PRECONDITION_FAILED", refusal.Code);
        Assert.Equal((Hot with { Degrees = 90 }, 2), await Of(one).ChangeAsync(Hot with { Degrees = 90 }, "bob", null, Cancellation));
    }

    [Fact]
    public async Task Of_two_changes_made_from_one_version_one_is_taken()
    {
        await using var two = await StartAsync(new OvenSettings());
        var changes = new[] { one, two }.Select(async (node, i) =>
        {
            try
            {
                await Of(node).ChangeAsync(Hot with { Degrees = 100 + i }, $"node {i}", 0, Cancellation);
                return 1;
            }
            catch (CommandRefusedException e) when (e.Code == "PRECONDITION_FAILED")
            {
                return 0;
            }
        });
        Assert.Equal(1, (await Task.WhenAll(changes)).Sum());
    }

    [Fact]
    public async Task Settings_that_hold_already_change_nothing()
    {
        Assert.Equal(0, (await Of(one).ChangeAsync(new OvenSettings(), "ann", 0, Cancellation)).Version);
        await Of(one).ChangeAsync(Hot, "ann", 0, Cancellation);
        Assert.Equal(1, (await Of(one).ChangeAsync(Hot with { }, "bob", 1, Cancellation)).Version);
    }

    [Fact]
    public async Task Values_that_cannot_be_used_are_refused_by_name()
    {
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(
            () => Of(one).ChangeAsync(Hot with { Degrees = 900 }, "ann", 0, Cancellation));
        Assert.Equal(("INVALID_SETTING", "degrees must be at most 300."), (refusal.Code, refusal.Message));
        Assert.Equal("degrees", refusal.Members["setting"]);
        Assert.Equal(0, (await Of(one).ReadAsync(Cancellation)).Version);
    }

    [Fact]
    public async Task History_says_who_changed_what_and_when()
    {
        await Of(one).ChangeAsync(Hot, "ann", 0, Cancellation);
        await Of(one).ChangeAsync(Hot with { Degrees = 90 }, "bob", 1, Cancellation);
        var history = await Of(one).HistoryAsync(long.MaxValue, Cancellation).ToListAsync(Cancellation);
        Assert.Equal([(2, 90, "bob"), (1, 250, "ann")], history.Select(change => ((int)change.Version, change.Settings.Degrees, change.By)));
        Assert.True(history[0].ChangedAt > history[1].ChangedAt);
        Assert.Equal(1, Assert.Single(await Of(one).HistoryAsync(2, Cancellation).ToListAsync(Cancellation)).Version);
    }

    /// <summary>As after an update that brought a setting, or a step back that took one away.</summary>
    [Fact]
    public async Task A_stored_document_may_lack_members_and_have_unknown_ones()
    {
        await Of(one).ChangeAsync(Hot, "ann", 0, Cancellation);
        await using (var source = NpgsqlDataSource.Create(database.ConnectionString))
        await using (var command = source.CreateCommand(
            """update mt_events set data = jsonb_set(data, '{Settings}', '{"Degrees": 77, "Smoke": true}') where stream_id = 'settings-oven'"""))
        {
            Assert.Equal(1, await command.ExecuteNonQueryAsync(Cancellation));
        }

        await using var two = await StartAsync(new OvenSettings { Mode = OvenMode.Air });
        Assert.Equal(new OvenSettings { Degrees = 77, Mode = OvenMode.Air }, Of(two).Current);
    }

    [Fact]
    public async Task They_are_stored_as_events_are()
    {
        await Of(one).ChangeAsync(Hot, "ann", 0, Cancellation);
        var stored = await one.ScalarAsync<string>("select data::text from mt_events where stream_id = 'settings-oven' and type = 'settings_changed'");
        using var json = JsonDocument.Parse(Encoding.UTF8.GetBytes(stored));
        Assert.Equal("""{"Mode": "Grill", "Degrees": 250}""", json.RootElement.GetProperty("Settings").GetRawText());
    }

    private static LiveSettings<OvenSettings> Of(EventsHost node) => node.Services.GetRequiredService<LiveSettings<OvenSettings>>();

    private Task<EventsHost> StartAsync(OvenSettings defaults) =>
        EventsHost.StartAsync(database.ConnectionString, services => services.AddSettings(() => defaults));

    private enum OvenMode
    {
        Bake,
        Grill,
        Air,
    }

    private sealed record OvenSettings : ISettings
    {
        public static string Name => "oven";

        public int Degrees { get; init; } = 180;

        public OvenMode Mode { get; init; }

        public IEnumerable<BrokenRule> BrokenRules() => Degrees > 300 ? [new(nameof(Degrees), "at most 300")] : [];
    }
}
