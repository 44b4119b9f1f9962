using System.Text.Json;
using Platform.Events;

namespace Platform.Settings;

// Stream settings-{name}. This shape is the storage format: add members, never rename or remove one.

/// <summary>From now on these settings hold, on every node.</summary>
/// <param name="Settings">All of them, in PascalCase.</param>
internal sealed record SettingsChanged(JsonElement Settings, string By, DateTimeOffset ChangedAt);

internal sealed record SettingsDocument : IState<SettingsDocument, SettingsChanged>
{
    public static string Category => "settings";

    public static SettingsDocument Initial { get; } = new();

    /// <summary>How often they were changed.</summary>
    public long Version { get; private init; }

    /// <summary><see langword="null"/> as long as the defaults hold.</summary>
    public JsonElement? Settings { get; private init; }

    public static SettingsDocument Evolve(SettingsDocument state, SettingsChanged e) =>
        state with { Version = state.Version + 1, Settings = e.Settings };
}
