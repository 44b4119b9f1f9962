using System.Collections.Frozen;

namespace Assets;

/// <summary>
/// Content types of a site's files: by extension, and by their first bytes where those say that the extension lies, or there is none.
/// </summary>
internal static class FileTypes
{
    /// <summary>As many bytes of a file as are looked at.</summary>
    public const int SignatureBytes = 16;

    public const string Unknown = "application/octet-stream";

    private static readonly FrozenDictionary<string, string> ByExtension = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        [".avif"] = "image/avif",
        [".css"] = "text/css; charset=utf-8",
        [".csv"] = "text/csv; charset=utf-8",
        [".gif"] = "image/gif",
        [".htm"] = "text/html; charset=utf-8",
        [".html"] = "text/html; charset=utf-8",
        [".ico"] = "image/x-icon",
        [".jpeg"] = "image/jpeg",
        [".jpg"] = "image/jpeg",
        [".js"] = "text/javascript; charset=utf-8",
        [".json"] = "application/json",
        [".jxl"] = "image/jxl",
        [".map"] = "application/json",
        [".md"] = "text/markdown; charset=utf-8",
        [".mjs"] = "text/javascript; charset=utf-8",
        [".mp3"] = "audio/mpeg",
        [".mp4"] = "video/mp4",
        [".ogg"] = "audio/ogg",
        [".otf"] = "font/otf",
        [".pdf"] = "application/pdf",
        [".png"] = "image/png",
        [".rss"] = "application/rss+xml",
        [".svg"] = "image/svg+xml",
        [".ttf"] = "font/ttf",
        [".txt"] = "text/plain; charset=utf-8",
        [".wasm"] = "application/wasm",
        [".webm"] = "video/webm",
        [".webmanifest"] = "application/manifest+json",
        [".webp"] = "image/webp",
        [".woff"] = "font/woff",
        [".woff2"] = "font/woff2",
        [".xml"] = "application/xml",
        [".zip"] = "application/zip",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <param name="extension">With its dot, in lower case; may be empty.</param>
    public static string Of(string extension) => ByExtension.GetValueOrDefault(extension, Unknown);

    /// <param name="head">The file's first bytes, <see cref="SignatureBytes"/> of them where it has so many.</param>
    public static string Of(string extension, ReadOnlySpan<byte> head)
    {
        var named = Of(extension);
        var seen = Seen(head);
        return seen is not null && (named == Unknown || (named.StartsWith("image/", StringComparison.Ordinal) && named is not "image/svg+xml"))
            ? seen
            : named;
    }

    // An AVIF has its brand behind the box's size and name (ISO/IEC 14496-12 §4.3).
    private static string? Seen(ReadOnlySpan<byte> head) =>
        head.StartsWith<byte>([0xFF, 0xD8, 0xFF]) ? "image/jpeg"
        : head.StartsWith<byte>([0x89, .. "PNG\r\n"u8]) ? "image/png"
        : head.StartsWith("GIF8"u8) ? "image/gif"
        : head.StartsWith("RIFF"u8) && head.Length >= 12 && head[8..].StartsWith("WEBP"u8) ? "image/webp"
        : head.Length >= 12 && head[4..].StartsWith("ftypavif"u8) ? "image/avif"
        : head.StartsWith("%PDF-"u8) ? "application/pdf"
        : null;
}
