using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;

namespace Platform.Settings;

/// <summary>Settings as they were after one change.</summary>
public sealed record SettingsVersion<TSettings>(long Version, TSettings Settings, string By, DateTimeOffset ChangedAt);

/// <summary>
/// Settings as they are now, in memory: reading them costs nothing. A change holds on this node when <see cref="ChangeAsync"/> returns, on
/// the others a moment later (a second, where no signal came through), without a restart.
/// </summary>
public sealed partial class LiveSettings<TSettings> : BackgroundService
    where TSettings : class, ISettings
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly JsonSerializerOptions Json = new() { Converters = { new JsonStringEnumConverter() } };

    private readonly TSettings defaults;
    private readonly EventStore events;
    private readonly TimeProvider clock;
    private readonly ILogger<LiveSettings<TSettings>> logger;
    private volatile Snapshot latest;

    internal LiveSettings(TSettings defaults, EventStore events, TimeProvider clock, ILogger<LiveSettings<TSettings>> logger)
    {
        (this.defaults, this.events, this.clock, this.logger) = (defaults, events, clock, logger);
        latest = new Snapshot(defaults, Version: 0);
    }

    public TSettings Current => latest.Settings;

    /// <summary>What holds until somebody changes it.</summary>
    internal TSettings Defaults => defaults;

    /// <summary>The newest settings, and how often they were changed; 0 for the defaults.</summary>
    public async Task<(TSettings Settings, long Version)> ReadAsync(CancellationToken cancellationToken) =>
        Take((await events.FoldAsync<SettingsDocument, SettingsChanged>(TSettings.Name, cancellationToken)).State);

    /// <summary>Replaces all settings. Those that hold already change nothing.</summary>
    /// <param name="expectedVersion">What the change was made from; <see langword="null"/> for whatever there is.</param>
    /// <exception cref="CommandRefusedException"><c>INVALID_SETTING</c>; <c>PRECONDITION_FAILED</c>: somebody else changed them meanwhile.</exception>
    public async Task<(TSettings Settings, long Version)> ChangeAsync(
        TSettings settings, string by, long? expectedVersion, CancellationToken cancellationToken)
    {
        if (settings.BrokenRules().FirstOrDefault() is { } broken)
        {
            var name = string.Join('.', broken.Setting.Split('.').Select(JsonNamingPolicy.CamelCase.ConvertName));
            throw new CommandRefusedException("INVALID_SETTING", $"{name} must be {broken.Rule}.")
            {
                Members = new Dictionary<string, object?> { ["setting"] = name },
            };
        }

        var wanted = JsonSerializer.SerializeToElement(settings, Json);
        var changed = await events.DecideAsync<SettingsDocument, SettingsChanged>(TSettings.Name, Decide, cancellationToken);
        return Take(changed.State);

        IReadOnlyList<SettingsChanged> Decide(SettingsDocument document)
        {
            if (expectedVersion is { } expected && expected != document.Version)
            {
                throw new CommandRefusedException("PRECONDITION_FAILED", "Somebody changed the settings meanwhile. Look at them and try again.");
            }

            return JsonElement.DeepEquals(document.Settings ?? JsonSerializer.SerializeToElement(defaults, Json), wanted)
                ? []
                : [new SettingsChanged(wanted, by, clock.GetUtcNow())];
        }
    }

    /// <summary>Every change, the newest first.</summary>
    /// <param name="before">Leaves out this version and later ones.</param>
    public IAsyncEnumerable<SettingsVersion<TSettings>> HistoryAsync(long before, CancellationToken cancellationToken) =>
        events.ReadBackwardAsync(StreamName, before - 1, cancellationToken)
            .Select(e => (e.Version, Change: (SettingsChanged)e.Payload))
            .Select(e => new SettingsVersion<TSettings>(e.Version, Read(e.Change.Settings), e.Change.By, e.Change.ChangedAt));

    /// <summary>The defaults, but for the members given.</summary>
    /// <exception cref="JsonException">They are no settings.</exception>
    internal TSettings Overlay(JsonElement members, JsonSerializerOptions options)
    {
        if (members.ValueKind is not JsonValueKind.Object)
        {
            throw new JsonException("Settings are an object.");
        }

        var whole = JsonSerializer.SerializeToElement(defaults, options).EnumerateObject()
            .Concat(members.EnumerateObject())
            .Aggregate(new JsonObject(new JsonNodeOptions { PropertyNameCaseInsensitive = options.PropertyNameCaseInsensitive }), Set);
        return whole.Deserialize<TSettings>(options)!;

        static JsonObject Set(JsonObject whole, JsonProperty member)
        {
            whole[member.Name] = JsonSerializer.SerializeToNode(member.Value);
            return whole;
        }
    }

    /// <summary>The settings of a stored document.</summary>
    internal TSettings Read(JsonElement document) => Overlay(document, Json);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await events.WaitForEventAsync(StreamName, latest.Version, Patience, stoppingToken))
                {
                    await ReadAsync(stoppingToken);
                }
            }
            catch (NpgsqlException e)
            {
                LogStale(logger, TSettings.Name, e);
                await Task.Delay(Pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static string StreamName => $"{SettingsDocument.Category}-{TSettings.Name}";

    // Whoever reads an older version than is known keeps the newer one.
    private (TSettings Settings, long Version) Take(SettingsDocument document)
    {
        var read = new Snapshot(document.Settings is { } settings ? Read(settings) : defaults, document.Version);
        for (var known = latest; known.Version < read.Version; known = latest)
        {
            Interlocked.CompareExchange(ref latest, read, known);
        }

        return (read.Settings, read.Version);
    }

    private sealed record Snapshot(TSettings Settings, long Version);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Changes of the settings {Name} are not seen while the database is away.")]
    private static partial void LogStale(ILogger logger, string name, Exception exception);
}
