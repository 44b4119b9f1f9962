using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Platform.Events;

/// <summary>
/// Stored names of events. They are explicit strings, so renaming a record does not rename history, and follow Marten's rule
/// (snake_case of the record's name; see <c>docs/events.md</c>), so a Marten store on the same database finds the same types.
/// </summary>
public sealed partial class EventTypes
{
    // What Marten's System.Text.Json serializer reads with its default settings: members in PascalCase, enums as strings.
    private static readonly JsonSerializerOptions Json = new() { Converters = { new JsonStringEnumConverter() } };

    private readonly Dictionary<string, Type> byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Type, (string Name, string DotnetType)> byType = [];
    private readonly HashSet<Type> silent = [];

    /// <summary>Every registered event type by its stored name.</summary>
    public IReadOnlyDictionary<string, Type> All => byName;

    /// <param name="isSignalled">
    /// Whether it wakes who waits for new events. One that comes often and that nobody waits for need not: polling finds it within a second.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The name or the type is registered already (names are unique across modules), or the name is not the one Marten gives the type.
    /// </exception>
    public EventTypes Map<TEvent>(string name, bool isSignalled = true)
        where TEvent : notnull
    {
        var type = typeof(TEvent);
        if (name != AliasOf(type))
        {
            throw new ArgumentException($"Marten stores {type.Name} as {AliasOf(type)}, not as {name}.", nameof(name));
        }

        byName.Add(name, type);
        byType.Add(type, (name, $"{type.FullName}, {type.Assembly.GetName().Name}"));
        if (!isSignalled)
        {
            silent.Add(type);
        }

        return this;
    }

    /// <summary>The stored name of an event type.</summary>
    /// <exception cref="InvalidOperationException">The type was never mapped: a mistake in its module's wiring.</exception>
    public string NameOf(Type type) => Stored(type).Name;

    /// <summary>The type behind a stored name; <see langword="null"/> where no module of this build knows it.</summary>
    public Type? Find(string name) => byName.GetValueOrDefault(name);

    internal bool IsSignalled(Type type) => !silent.Contains(type);

    /// <summary>Marten's rule: <c>FileZipped</c> is <c>file_zipped</c>, <c>S3ObjectPut</c> is <c>s3_object_put</c>, <c>FileZIP</c> is <c>file_zip</c>.</summary>
    internal static string AliasOf(Type type) =>
        AfterLower().Replace(InsideCapitals().Replace(type.Name, "$1_$2"), "$1_$2").ToLowerInvariant();

    internal (string Name, string DotnetType) Stored(Type type) =>
        byType.TryGetValue(type, out var stored) ? stored : throw new InvalidOperationException($"{type} is not mapped to a stored event name.");

    internal static byte[] Serialize(object payload) => JsonSerializer.SerializeToUtf8Bytes(payload, payload.GetType(), Json);

    /// <summary>The event, or a <see cref="JsonElement"/> where no module of this build knows its type.</summary>
    internal object Deserialize(string name, ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, Find(name) ?? typeof(JsonElement), Json)
            ?? throw new JsonException($"An event of type {name} is stored as null.");

    [GeneratedRegex(@"(\P{Ll})(\P{Ll}\p{Ll})")]
    private static partial Regex InsideCapitals();

    [GeneratedRegex(@"(\p{Ll})(\P{Ll})")]
    private static partial Regex AfterLower();
}
