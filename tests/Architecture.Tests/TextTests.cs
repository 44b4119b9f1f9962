using System.Text.RegularExpressions;
using System.Xml.Linq;
using Platform.Languages;
using Xunit;

namespace Architecture.Tests;

/// <summary>Each language says everything, and nothing that nobody asks for.</summary>
public sealed partial class TextTests
{
    private const string Folder = "src/Platform/Languages";

    private static readonly Dictionary<string, string> English = Read("Texts.resx");

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
            !all.Contains($"\"{key}\"", StringComparison.Ordinal)
            && !(key.EndsWith(".One", StringComparison.Ordinal) && counted.Contains(key[..^4]))
            && !(key.StartsWith("Sending.Refused.", StringComparison.Ordinal) && all.Contains($"\"{key.Split('.')[2]}\"", StringComparison.Ordinal)));
    }

    private static HashSet<string> Counted() => [.. Askers().SelectMany(file => Counts().Matches(file.Text)).Select(match => match.Groups[1].Value)];

    private static IEnumerable<(string Path, string Text)> Askers() => [.. Sources.All(), .. Sources.Pages(), .. Sources.Scripts()];

    private static Dictionary<string, string> Read(string file) => XDocument.Parse(Sources.Read($"{Folder}/{file}")).Root!.Elements("data")
        .ToDictionary(text => text.Attribute("name")!.Value, text => text.Element("value")!.Value);

    private static string PlaceholdersOf(string text) => string.Concat(Placeholders().Matches(text).Select(match => match.Value).Order(StringComparer.Ordinal));

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Placeholders();

    [GeneratedRegex("(?:\\.Count|countText)\\(\"(\\w+\\.\\w+)\"")]
    private static partial Regex Counts();
}
