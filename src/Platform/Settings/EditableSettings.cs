using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Platform.Events;

namespace Platform.Settings;

/// <summary>Settings of whichever module, for a page that shows and changes them member by member.</summary>
public abstract class EditableSettings
{
    private protected EditableSettings()
    {
    }

    /// <summary>As in the name of the stream <c>settings-{Name}</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What kinds of values there are, as a JSON Schema of the settings.</summary>
    public abstract JsonNode Schema { get; }

    /// <summary>What holds until the first change.</summary>
    public abstract JsonElement Defaults { get; }

    /// <summary>All settings as they are, and how often they were changed.</summary>
    public abstract Task<(JsonElement Settings, long Version)> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Replaces all settings; members that are left out have their defaults.</summary>
    /// <exception cref="CommandRefusedException"><c>INVALID_SETTING</c>; <c>PRECONDITION_FAILED</c>: somebody else changed them meanwhile.</exception>
    public abstract Task ChangeAsync(string json, string by, long expectedVersion, CancellationToken cancellationToken);

    /// <summary>Every change, the newest first.</summary>
    public abstract IAsyncEnumerable<SettingsVersion<JsonElement>> HistoryAsync(CancellationToken cancellationToken);
}

internal sealed class EditableSettings<TSettings>(LiveSettings<TSettings> settings) : EditableSettings
    where TSettings : class, ISettings
{
    // A name nobody knows is a slip that would leave the setting as it was.
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(), // schemas want it named
    };

    public override string Name => TSettings.Name;

    public override JsonNode Schema { get; } = Json.GetJsonSchemaAsNode(typeof(TSettings));

    public override JsonElement Defaults { get; } = JsonSerializer.SerializeToElement(settings.Defaults, Json);

    public override async Task<(JsonElement Settings, long Version)> ReadAsync(CancellationToken cancellationToken)
    {
        var (current, version) = await settings.ReadAsync(cancellationToken);
        return (JsonSerializer.SerializeToElement(current, Json), version);
    }

    public override Task ChangeAsync(string json, string by, long expectedVersion, CancellationToken cancellationToken)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return settings.ChangeAsync(settings.Overlay(document.RootElement, Json), by, expectedVersion, cancellationToken);
        }
        catch (JsonException e)
        {
            throw new CommandRefusedException("INVALID_SETTING", $"That cannot be read: {e.Message}");
        }
    }

    public override IAsyncEnumerable<SettingsVersion<JsonElement>> HistoryAsync(CancellationToken cancellationToken) =>
        settings.HistoryAsync(long.MaxValue, cancellationToken)
            .Select(change => new SettingsVersion<JsonElement>(
                change.Version, JsonSerializer.SerializeToElement(change.Settings, Json), change.By, change.ChangedAt));
}
