using System.Globalization;
using System.Text;

namespace Albums.Zip;

/// <summary>
/// Turns what guests call their files into names that every unpacker on every system keeps apart and inside its folder.
/// Pure: the same names in the same order give the same result.
/// </summary>
internal static class EntryNames
{
    // ext4, NTFS and APFS all stop here; NTFS counts UTF-16 units, which are never more than UTF-8 bytes.
    private const int MaxComponentBytes = 255;

    // Far below ZIP's 65,535, above S3's longest key (1,024).
    private const int MaxNameBytes = 2048;

    private static readonly HashSet<string> ReservedOnWindows = new(
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", .. "123456789¹²³".SelectMany(digit => new[] { $"COM{digit}", $"LPT{digit}" })],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Sanitises all names, then makes them unique: two names that differ only in case, or a file named like a folder, would
    /// overwrite each other on somebody's disk. The second becomes <c>IMG_0001 (2).jpg</c>.
    /// </summary>
    internal static string[] Unique(IEnumerable<string> wanted)
    {
        var files = new HashSet<string>(StringComparer.Ordinal);
        var folders = new HashSet<string>(StringComparer.Ordinal);
        var nextNumber = new Dictionary<string, int>(StringComparer.Ordinal);
        return [.. wanted.Select(name => Place(Sanitize(name)))];

        string Place(string name)
        {
            var components = name.Split('/');
            var folder = "";
            for (var depth = 0; depth < components.Length - 1; depth++)
            {
                folder = Free(folder, components[depth], files.Contains);
                folders.Add(Fold(folder));
            }

            var file = Free(folder, components[^1], folded => files.Contains(folded) || folders.Contains(folded));
            files.Add(Fold(file));
            return file;
        }

        string Free(string folder, string component, Predicate<string> taken)
        {
            var path = Join(folder, component);
            var first = Fold(path);
            if (!taken(first))
            {
                return path;
            }

            // Remembering the last number keeps 50,000 equal names from being tried 50,000 times each.
            var number = nextNumber.GetValueOrDefault(first, 2);
            for (; taken(Fold(path = Join(folder, WithNumber(component, number)))); number++)
            {
            }

            nextNumber[first] = number;
            return path;
        }
    }

    /// <summary>One name, safe on its own: relative, NFC, <c>/</c> between components, nothing a file system refuses or interprets.</summary>
    internal static string Sanitize(string name)
    {
        var components = name
            .Split('/', '\\')
            .Where((component, index) => !(index == 0 && component is [>= 'A' and <= 'Z' or >= 'a' and <= 'z', ':']))
            .Select(SanitizeComponent)
            .Where(component => component.Length > 0)
            .ToArray();
        var path = string.Join('/', components);
        return components.Length == 0 ? "file" : Encoding.UTF8.GetByteCount(path) > MaxNameBytes ? components[^1] : path;
    }

    private static string SanitizeComponent(string component)
    {
        var kept = new StringBuilder(component.Length);
        foreach (var rune in component.EnumerateRunes()) // a lone surrogate becomes U+FFFD: it is no text
        {
            if (Rune.IsControl(rune) || IsInvisibleDirection(rune.Value))
            {
                continue;
            }

            kept.Append(rune.IsAscii && "<>:\"|?*".Contains((char)rune.Value, StringComparison.Ordinal) ? "_" : rune.ToString());
        }

        // Only now: without what stood between them, two characters may become one, and a cut may leave a reserved name.
        var clean = Shorten(kept.ToString().Normalize(NormalizationForm.FormC).Trim(' ').TrimEnd('.', ' '), "");
        return ReservedOnWindows.Contains(clean.Split('.')[0].TrimEnd(' ')) ? Shorten("_" + clean, "") : clean;
    }

    // "evil\u202Egpj.exe" shows as "evilexe.jpg".
    private static bool IsInvisibleDirection(int rune) =>
        rune is 0x061C or (>= 0x200E and <= 0x200F) or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) or 0xFEFF;

    private static string WithNumber(string component, int number) =>
        Shorten(component, string.Create(CultureInfo.InvariantCulture, $" ({number})"));

    // Puts the suffix before the extension and cuts the stem where the whole is too long.
    private static string Shorten(string component, string suffix)
    {
        var dot = component.LastIndexOf('.');
        var extension = dot > 0 && component.Length - dot <= 17 ? component[dot..] : "";
        var stem = component[..^extension.Length];
        var room = MaxComponentBytes - Encoding.UTF8.GetByteCount(suffix) - Encoding.UTF8.GetByteCount(extension);
        if (Encoding.UTF8.GetByteCount(stem) > room)
        {
            var end = 0;
            foreach (var rune in stem.EnumerateRunes())
            {
                if (room < rune.Utf8SequenceLength)
                {
                    break;
                }

                room -= rune.Utf8SequenceLength;
                end += rune.Utf16SequenceLength;
            }

            stem = stem[..end].TrimEnd(' ', '.');
        }

        return stem + suffix + extension;
    }

    private static string Fold(string path) => path.ToUpperInvariant();

    private static string Join(string folder, string component) => folder.Length == 0 ? component : $"{folder}/{component}";
}
