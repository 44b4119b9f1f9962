using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Platform.Events;

namespace Uploads;

/// <summary>
/// Where an upload lies: <c>{userRole}/{userId}/{yyyymmdd}/{category}/{fileName}</c>, always five segments. The file name carries the
/// random end of the upload's id, so that two files of one name, user and day never meet.
/// </summary>
internal static partial class KeyLayout
{
    /// <summary>What file systems allow for one name, in UTF-8.</summary>
    private const int MaxNameBytes = 255;

    private const int MaxGuestNameChars = 80;

    private static readonly HashSet<string> Roles = new(StringComparer.Ordinal) { "creator", "member", "subscriber" };

    /// <summary>Every key begins with one of these.</summary>
    public static IEnumerable<string> Prefixes => Roles.Select(role => $"{role}/");

    /// <param name="userRole">Checked here, as is <paramref name="userId"/>.</param>
    /// <param name="fileName">From <see cref="CheckFileName"/>.</param>
    /// <exception cref="CommandRefusedException">The role is unknown, or the id is none.</exception>
    public static string KeyOf(string? userRole, string? userId, DateTimeOffset now, string category, string fileName, Guid uploadId)
    {
        if (userRole is null || !Roles.Contains(userRole))
        {
            throw new CommandRefusedException("INVALID_USER_ROLE", $"userRole must be one of {string.Join(", ", Roles)}.");
        }

        if (userId is null || !ShortId().IsMatch(userId))
        {
            throw new CommandRefusedException("INVALID_USER_ID", "userId must be 1 to 64 letters, digits, hyphens or underscores.");
        }

        return string.Create(
            CultureInfo.InvariantCulture, $"{userRole}/{userId}/{now.UtcDateTime:yyyyMMdd}/{category}/{UniqueName(fileName, uploadId)}");
    }

    public static string? CheckWeddingId(string? weddingId) => weddingId is null || ShortId().IsMatch(weddingId)
        ? weddingId
        : throw new CommandRefusedException("INVALID_WEDDING_ID", "weddingId must be 1 to 64 letters, digits, hyphens or underscores.");

    /// <summary>The name in NFC, so that one name has one spelling whichever system it comes from (macOS sends NFD).</summary>
    /// <exception cref="CommandRefusedException">It is no name, is a path, or would look like another name.</exception>
    public static string CheckFileName(string? fileName)
    {
        // Before Normalize, which throws on lone surrogates.
        if (string.IsNullOrWhiteSpace(fileName) || !IsWellFormed(fileName))
        {
            throw Refusal();
        }

        var name = fileName.Normalize(NormalizationForm.FormC).Trim();
        return name is "." or ".." || Encoding.UTF8.GetByteCount(name) > MaxNameBytes || name.EnumerateRunes().Any(IsHostile)
            ? throw Refusal()
            : name;

        static CommandRefusedException Refusal() => new(
            "INVALID_FILE_NAME",
            $"fileName must be 1 to {MaxNameBytes} bytes of UTF-8 without slashes, control characters or bidi overrides.");
    }

    /// <summary>A name in one line, in NFC; <see langword="null"/> where nothing is said.</summary>
    /// <exception cref="CommandRefusedException">It is too long, or would change how what stands around it looks.</exception>
    public static string? CheckGuestName(string? guestName)
    {
        if (string.IsNullOrWhiteSpace(guestName))
        {
            return null;
        }

        return IsWellFormed(guestName) && guestName.Normalize(NormalizationForm.FormC).Trim() is { Length: <= MaxGuestNameChars } name
            && !name.EnumerateRunes().Any(IsControlling)
                ? name
                : throw new CommandRefusedException("INVALID_GUEST_NAME", $"guestName must have at most {MaxGuestNameChars} characters, on one line.");
    }

    /// <summary><c>photo.jpg</c> → <c>photo-0b9c5c0a6f1e.jpg</c>: 48 random bits of the id. A long stem is cut to make room.</summary>
    private static string UniqueName(string fileName, Guid uploadId)
    {
        var dot = fileName.LastIndexOf('.');
        var (stem, extension) = dot > 0 ? (fileName[..dot], fileName[dot..]) : (fileName, "");
        var ending = $"-{uploadId.ToString("N")[^12..]}{extension}";
        var room = MaxNameBytes - Encoding.UTF8.GetByteCount(ending);

        // An extension that leaves no room for a stem is no extension.
        return room < 1 ? UniqueName(fileName.Replace('.', '_'), uploadId) : Cut(stem, room) + ending;
    }

    private static string Cut(string text, int maxBytes)
    {
        var end = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            maxBytes -= rune.Utf8SequenceLength;
            if (maxBytes < 0)
                break;
            end += rune.Utf16SequenceLength;
        }

        return text[..end];
    }

    private static bool IsWellFormed(string text)
    {
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var consumed) is not System.Buffers.OperationStatus.Done)
                return false;
            rest = rest[consumed..];
        }

        return true;
    }

    // Zero-width joiners stay allowed: emoji are made of them. Bidi controls (UAX #9 §2) make one name look like another.
    private static bool IsHostile(Rune rune) => rune.Value is '/' or '\\' || IsControlling(rune);

    private static bool IsControlling(Rune rune) => rune.Value is 0x061C or 0x200E or 0x200F
            or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) or 0xFEFF
        || (rune.Value & 0xFFFE) == 0xFFFE
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex ShortId();
}
