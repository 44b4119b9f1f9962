using System.Text;
using Albums.Zip;
using Xunit;

namespace Albums.Tests.Zip;

/// <summary>What must hold of entry names whatever guests call their files. Every seed makes the same thousands of names again.</summary>
public sealed class HostileNamesTests
{
    private static readonly string[] Pieces =
    [
        "a", "B", "IMG_0001", "img_0001", "IMG_0001 (2)", " ", "  ", ".", "..", "...", "/", "//", "\\", "C:", "c:/", "~", "-", "_MISSING.txt", "_missing.TXT",
        ".jpg", ".JPG", ".tar.gz", ".", "CON", "con", "nul", "COM1", "COM¹", "LPT9", "AUX.jpg", "PRN .txt", "CONIN$",
        "<", ">", ":", "\"", "|", "?", "*", "\0", "\n", "\r\n", "\t", "\u007f", "\u0085", "\u2028", "\u200e", "\u202e", "\u2066", "\ufeff", "\u061c",
        "é", "e\u0301", "e", "\u0301", "Å", "A\u030a", "\u212b", "ﬁ", "İ", "ı", "I", "i", "ß", "SS", "ſ", "한", "한", "\u1112", "\u1161", "\u11ab",
        "\ud800", "\udc00", "\ud83d\ude00", "\ud83d", "👩‍👩‍👧", "ǅ", "ΐ", "\u0390", "ά", "\u1f71", "\uffff", "\ufffd", "file", new string('x', 200), new string('日', 90),
    ];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_name_is_safe_and_unique_on_every_disk(int seed)
    {
        var wanted = Names(new Random(seed)).Take(2000).ToArray();
        var names = EntryNames.Unique(wanted);

        Assert.Equal(wanted.Length, names.Length);
        Assert.Equal(names.Length, names.Select(Fold).Distinct(StringComparer.Ordinal).Count());
        var folders = names.SelectMany(Folders).Select(Fold).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(names, name => folders.Contains(Fold(name)));
        Assert.All(names.SelectMany(name => name.Split('/')), AssertSafe);
        Assert.All(names, name => Assert.InRange(Encoding.UTF8.GetByteCount(name), 1, ushort.MaxValue));
        Assert.Equal(names, EntryNames.Unique(wanted));
        Assert.Equal(names, EntryNames.Unique(names));
        Assert.All(names, name => Assert.Equal(name, EntryNames.Sanitize(name)));
    }

    /// <summary>Cut at 255 bytes it is Windows' console; without the character between them two letters become one.</summary>
    [Theory]
    [InlineData("CON", " ", 300, "x")]
    [InlineData("aux", " ", 300, "x.jpg")]
    [InlineData("e", "\0", 1, "\u0301.jpg")]
    [InlineData("\u1112", "\u200e", 1, "\u1161")]
    [InlineData("a", ".", 300, "b")]
    [InlineData("", ".", 300, "b")]
    public void A_name_stays_safe_when_something_is_cut_out_of_it(string head, string filler, int count, string tail) =>
        AssertSafe(EntryNames.Sanitize(head + string.Concat(Enumerable.Repeat(filler, count)) + tail));

    private static void AssertSafe(string component)
    {
        Assert.NotEmpty(component);
        Assert.True(component.IsNormalized(NormalizationForm.FormC), $"Not NFC: {component}");
        Assert.InRange(Encoding.UTF8.GetByteCount(component), 1, 255);
        Assert.DoesNotContain(component, character => char.IsControl(character) || "<>:\"/\\|?*".Contains(character, StringComparison.Ordinal));
        Assert.NotEqual(' ', component[0]);
        Assert.False(component[^1] is '.' or ' ', $"Ends badly: {component}");
        var stem = component.Split('.')[0].TrimEnd(' ').ToUpperInvariant();
        Assert.DoesNotMatch("^(CON|PRN|AUX|NUL|CONIN\\$|CONOUT\\$|(COM|LPT)[1-9¹²³])$", stem);
        Assert.Equal(component, new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(new UTF8Encoding(false, true).GetBytes(component)));
    }

    private static IEnumerable<string> Names(Random random)
    {
        var before = new List<string>();
        while (true)
        {
            var name = random.Next(10) switch
            {
                0 when before.Count > 0 => before[random.Next(before.Count)],
                1 when before.Count > 0 => before[random.Next(before.Count)].ToUpperInvariant(),
                2 when before.Count > 0 => before[random.Next(before.Count)] + "/" + Pieces[random.Next(Pieces.Length)],
                3 => Pieces[random.Next(Pieces.Length)] + new string("aé한😀. "[random.Next(7)], random.Next(400)) + Pieces[random.Next(Pieces.Length)],
                _ => string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => Pieces[random.Next(Pieces.Length)])),
            };
            before.Add(name);
            yield return name;
        }
    }

    private static string Fold(string name) => name.Normalize(NormalizationForm.FormC).ToUpperInvariant();

    private static IEnumerable<string> Folders(string name)
    {
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = name.IndexOf('/', slash + 1))
        {
            yield return name[..slash];
        }
    }
}
