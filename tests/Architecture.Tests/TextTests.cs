using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Albums;
using Albums.Contracts;
using Assets;
using Assets.Contracts;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Platform.Accounts;
using Platform.Costs;
using Platform.Languages;
using Platform.Settings;
using Uploads;
using Uploads.Contracts;
using Weddings.Contracts;
using Xunit;

namespace Architecture.Tests;

/// <summary>Each language says everything, and nothing that nobody asks for.</summary>
public sealed partial class TextTests
{
    private const string Folder = "src/Platform/Languages";

    private static readonly Dictionary<string, string> English = Read("Texts.resx");

    // Groups of what pages say of values, which they ask for by ValueTexts.
    private static readonly Dictionary<string, IEnumerable<string>> Values = new()
    {
        ["AlbumStatus"] = Enum.GetNames<AlbumStatus>(),
        ["AlbumFileState"] = Enum.GetNames<AlbumFileState>(),
        ["AlbumSort"] = Enum.GetNames<AlbumSort>(),
        ["BulkKind"] = Enum.GetNames<BulkKind>(),
        ["BulkQuestion"] = Enum.GetNames<BulkKind>(),
        ["BulkConfirm"] = Enum.GetNames<BulkKind>(),
        ["BulkMeaning"] = Enum.GetNames<BulkKind>(),
        ["BulkDone"] = Enum.GetNames<BulkKind>(),
        ["UploadStatus"] = UploadSearch.Statuses,
        ["LinkKind"] = Enum.GetNames<LinkKind>(),
        ["HealthStatus"] = Enum.GetNames<HealthStatus>(),
        ["SiteAlert"] = SiteAlertListed.Kinds,
        ["Role"] = [AccountRoles.Admin, AccountRoles.Viewer],
        ["Setting"] = [.. new[] { typeof(CostSettings).Assembly, typeof(AlbumsModule).Assembly, typeof(AssetsModule).Assembly, typeof(UploadsModule).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.IsClass && type.IsAssignableTo(typeof(ISettings)))
            .SelectMany(type => SettingsOf(type).Append((string)type.GetProperty(nameof(ISettings.Name))!.GetValue(null)!))
            .Distinct()],
    };

    public static TheoryData<string> Translations =>
        [.. Directory.GetFiles(Path.Combine(Sources.Root, Folder), "Texts.*.resx").Select(path => Path.GetFileName(path))];

    [Theory]
    [MemberData(nameof(Translations))]
    public void A_language_has_the_keys_of_the_English_texts_with_the_same_placeholders(string file)
    {
        var texts = Read(file);
        Assert.Empty(English.Keys.Except(texts.Keys)); // missing
        Assert.Empty(texts.Keys.Except(English.Keys)); // left over
        Assert.Empty(texts.Where(text => string.IsNullOrWhiteSpace(text.Value)).Select(text => text.Key));
        Assert.Empty(texts.Where(text => PlaceholdersOf(text.Value) != PlaceholdersOf(English[text.Key])).Select(text => $"{text.Key}: {text.Value}"));
        Assert.Contains(Path.GetFileNameWithoutExtension(file).Split('.')[1], Language.All.Keys);
    }

    [Fact]
    public void Every_text_that_is_asked_for_is_there()
    {
        var groups = English.Keys.Select(key => key.Split('.')[0]).Distinct();
        var asked = new Regex($"(?<!cref=)\"((?:{string.Join('|', groups)})\\.[A-Za-z.]*[A-Za-z])\"");
        var keys = Askers().SelectMany(file => asked.Matches(file.Text)).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.Superset(new HashSet<string> { "Guest.Choose", "Sending.Arrived", "Album.Ready" }, keys);
        Assert.Empty(keys.Except(English.Keys));
        Assert.Empty(Counted().Select(key => $"{key}.One").Except(English.Keys));
    }

    [Fact]
    public void Every_text_is_asked_for()
    {
        var all = string.Concat(Askers().Select(file => file.Text));
        var counted = Counted();
        Assert.DoesNotContain(English.Keys, key =>
            !IsOfValue(key)
            && !all.Contains($"\"{key}\"", StringComparison.Ordinal)
            && !(key.EndsWith(".One", StringComparison.Ordinal) && counted.Contains(key[..^4]))
            && !(key.StartsWith("Sending.Refused.", StringComparison.Ordinal) && all.Contains($"\"{key.Split('.')[2]}\"", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_value_that_pages_show_has_a_text()
    {
        var expected = Values.SelectMany(group => group.Value.Select(value => $"{group.Key}.{value}"));
        Assert.Equal(expected.Order(StringComparer.Ordinal), English.Keys.Where(IsOfValue).Order(StringComparer.Ordinal));
        var asked = Sources.Pages().SelectMany(page => Groups().Matches(page.Text)).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.Contains("UploadStatus", asked);
        Assert.Empty(asked.Except(Values.Keys));
    }

    // As they are called in JSON, however deep.
    private static IEnumerable<string> SettingsOf(Type settings) => settings.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(member => !member.IsDefined(typeof(JsonIgnoreAttribute))).SelectMany(member =>
    {
        var type = member.PropertyType.IsGenericType ? member.PropertyType.GetGenericArguments()[^1] : member.PropertyType;
        var inner = type.IsClass && type != typeof(string) ? SettingsOf(type) : [];
        return inner.Prepend(JsonNamingPolicy.CamelCase.ConvertName(member.Name));
    });

    private static bool IsOfValue(string key) => Values.ContainsKey(key.Split('.')[0]);

    private static HashSet<string> Counted() => [.. Askers().SelectMany(file => Counts().Matches(file.Text)).Select(match => match.Groups[1].Value)];

    private static IEnumerable<(string Path, string Text)> Askers() => [.. Sources.All(), .. Sources.Pages(), .. Sources.Scripts()];

    private static Dictionary<string, string> Read(string file) => XDocument.Parse(Sources.Read($"{Folder}/{file}")).Root!.Elements("data")
        .ToDictionary(text => text.Attribute("name")!.Value, text => text.Element("value")!.Value);

    private static string PlaceholdersOf(string text) => string.Concat(Placeholders().Matches(text).Select(match => match.Value).Order(StringComparer.Ordinal));

    [GeneratedRegex("T\\.Of\\(\"(\\w+)\"")]
    private static partial Regex Groups();

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Placeholders();

    [GeneratedRegex("(?:\\.Count|countText)\\(\"(\\w+\\.\\w+)\"")]
    private static partial Regex Counts();
}
