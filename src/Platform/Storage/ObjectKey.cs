using System.Text;

namespace Platform.Storage;

/// <summary>
/// What every store accepts as a key: 1 to 1,024 bytes of UTF-8 in segments divided by <c>/</c>, none empty, <c>.</c> or <c>..</c>, without
/// control characters. One rule for all, so that objects can move between a bucket and a folder, and because clients of S3 (System.Uri
/// among them) rewrite the others on their way.
/// </summary>
internal static class ObjectKey
{
    private const int MaxBytes = 1024;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="StorageException"><see cref="StorageError.InvalidKey"/></exception>
    public static void Check(string key)
    {
        if (!IsValid(key))
        {
            throw new StorageException(StorageError.InvalidKey, $"The key {System.Text.Json.JsonEncodedText.Encode(Printable(key))} cannot be stored.");
        }
    }

    public static bool IsValid(string key)
    {
        if (key.Length is 0 or > MaxBytes || key.Any(char.IsControl) || !IsUnicode(key))
        {
            return false;
        }

        foreach (var segment in key.AsSpan().Split('/'))
        {
            if (key.AsSpan(segment) is "" or "." or "..")
            {
                return false;
            }
        }

        return Utf8.GetByteCount(key) <= MaxBytes;
    }

    /// <summary>Order of the UTF-8 bytes, which is the order of code points; UTF-16 sorts surrogates before U+E000.</summary>
    public static int Compare(string a, string b)
    {
        var common = a.AsSpan().CommonPrefixLength(b);
        return common == a.Length || common == b.Length ? a.Length.CompareTo(b.Length) : Rank(a[common]).CompareTo(Rank(b[common]));

        static int Rank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
    }

    private static bool IsUnicode(string key)
    {
        foreach (var rune in key.EnumerateRunes())
        {
            // Lone surrogates are enumerated as the replacement character.
            if (rune == Rune.ReplacementChar)
            {
                return false;
            }
        }

        return true;
    }

    private static string Printable(string key) =>
        string.Concat((key.Length <= 200 ? key : key[..200] + "…").EnumerateRunes().Select(rune => rune.ToString()));
}
