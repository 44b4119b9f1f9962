using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Net.Http.Headers;
using System.Text;
using Platform.Events;

namespace Uploads;

/// <summary>
/// Media types that are taken, the category each is filed under, and how its files begin. What a browser would run (HTML, SVG,
/// scripts) is not among them, and the first bytes must agree with the type, so that nothing of that kind comes in disguised.
/// </summary>
internal static class ContentTypes
{
    /// <summary>As many bytes of a file as are looked at. The brands of common files of ISO media end before.</summary>
    public const int SignatureBytes = 64;

    private static readonly Signature Jpeg = new(0, [0xFF, 0xD8, 0xFF]);
    private static readonly Signature Png = new(0, [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n']);
    private static readonly Signature[] Gif = [new(0, "GIF87a"u8), new(0, "GIF89a"u8)];
    private static readonly Signature Riff = new(0, "RIFF"u8);
    private static readonly Signature TiffLittle = new(0, "II*\0"u8);
    private static readonly Signature TiffBig = new(0, "MM\0*"u8);
    private static readonly Signature Matroska = new(0, [0x1A, 0x45, 0xDF, 0xA3]);

    // A file, an archive without any, and one that was split (APPNOTE 4.3.6, 4.3.16, 8.5.4).
    private static readonly Signature[] Zip = [new(0, "PK\u0003\u0004"u8), new(0, "PK\u0005\u0006"u8), new(0, "PK\u0007\u0008"u8)];

    // ISO/IEC 14496-12 §4.3: the box ftyp names the brands a file can be read as. Images have some of their own (23008-12 §10, AV1 Image File
    // Format §6); what has one of those first is no film. Older QuickTime files begin with another box (QuickTime File Format, "Atoms").
    private static readonly string[] HeifBrands = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "msf1"];
    private static readonly string[] AvifBrands = ["avif", "avis"];
    private static readonly Signature Film = new(4, "ftyp"u8) { NotFirst = [.. HeifBrands, .. AvifBrands, "crx "] };
    private static readonly Signature Heif = new(4, "ftyp"u8) { Brands = HeifBrands };
    private static readonly Signature[] QuickTime =
        [Film, new(4, "moov"u8), new(4, "mdat"u8), new(4, "wide"u8), new(4, "free"u8), new(4, "skip"u8), new(4, "pnot"u8)];

    // An MPEG audio frame begins with eleven set bits; the rest of the second byte tells version and layer (ISO/IEC 11172-3 §2.4.1.3).
    private static readonly Signature[] Mpeg =
        [new(0, "ID3"u8), new(0, [0xFF, 0xFB]), new(0, [0xFF, 0xFA]), new(0, [0xFF, 0xF3]), new(0, [0xFF, 0xF2]), new(0, [0xFF, 0xE3])];

    /// <summary>A file of the type begins with one of its signatures; a type without any begins as it likes.</summary>
    private static readonly FrozenDictionary<string, Signature[]> Known = new Dictionary<string, Signature[]>(StringComparer.Ordinal)
    {
        ["image/jpeg"] = [Jpeg],
        ["image/png"] = [Png],
        ["image/gif"] = Gif,
        ["image/webp"] = [Riff with { Then = "WEBP" }],
        ["image/heic"] = [Heif],
        ["image/heif"] = [Heif],
        ["image/avif"] = [Heif with { Brands = AvifBrands }],
        ["image/tiff"] = [TiffLittle, TiffBig],
        ["image/x-adobe-dng"] = [TiffLittle, TiffBig],
        ["image/x-canon-cr2"] = [TiffLittle],
        ["image/x-canon-cr3"] = [Heif with { Brands = ["crx "] }],
        ["image/x-nikon-nef"] = [TiffLittle, TiffBig],
        ["image/x-sony-arw"] = [TiffLittle],
        ["video/mp4"] = QuickTime,
        ["video/quicktime"] = QuickTime,
        ["video/x-m4v"] = QuickTime,
        ["video/3gpp"] = [Film],
        ["video/webm"] = [Matroska],
        ["video/x-matroska"] = [Matroska],
        ["video/x-msvideo"] = [Riff with { Then = "AVI " }],
        ["audio/mpeg"] = Mpeg,
        ["audio/mp4"] = [Film],
        ["audio/x-m4a"] = [Film],
        ["audio/aac"] = [new(0, [0xFF, 0xF1]), new(0, [0xFF, 0xF9])],
        ["audio/wav"] = [Riff with { Then = "WAVE" }],
        ["audio/x-wav"] = [Riff with { Then = "WAVE" }],
        ["audio/ogg"] = [new(0, "OggS"u8)],
        ["audio/flac"] = [new(0, "fLaC"u8)],
        ["application/pdf"] = [new(0, "%PDF-"u8)],
        ["application/msword"] = [new(0, [0xD0, 0xCF, 0x11, 0xE0])],
        ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] = Zip,
        ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] = Zip,
        ["application/vnd.openxmlformats-officedocument.presentationml.presentation"] = Zip,
        ["text/plain"] = [],
        ["text/csv"] = [],
        ["application/zip"] = Zip,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The declared type in lower case and without parameters.</summary>
    /// <exception cref="CommandRefusedException">It is not taken.</exception>
    public static string Check(string? declared, UploadSettings settings)
    {
        var type = MediaTypeHeaderValue.TryParse(declared, out var parsed) ? parsed.MediaType?.ToLowerInvariant() : null;
        return type is not null && (settings.ContentTypes?.Contains(type, StringComparer.OrdinalIgnoreCase) ?? Known.ContainsKey(type))
            ? type
            : throw new CommandRefusedException("UNSUPPORTED_CONTENT_TYPE", "Files of this contentType are not taken.");
    }

    /// <summary>The fourth segment of the key.</summary>
    public static string CategoryOf(string contentType) => contentType[..contentType.IndexOf('/', StringComparison.Ordinal)] switch
    {
        "image" => "images",
        "video" => "videos",
        "audio" => "audio",
        "text" => "documents",
        "application" when contentType is not "application/zip" => "documents",
        _ => "other",
    };

    /// <summary>
    /// Whether a file that begins with <paramref name="head"/> can be of the type. Types that only configuration knows are taken at their word.
    /// </summary>
    public static bool Agrees(string contentType, ReadOnlySpan<byte> head)
    {
        var signatures = Known.GetValueOrDefault(contentType, []);
        foreach (var signature in signatures)
        {
            if (signature.Matches(head))
                return true;
        }

        return signatures.Length == 0;
    }

    /// <exception cref="CommandRefusedException">A file that begins so is not of the type.</exception>
    public static void CheckHead(string contentType, ReadOnlySpan<byte> head)
    {
        if (!Agrees(contentType, head))
        {
            throw UploadErrors.ContentTypeMismatch(contentType);
        }
    }

    /// <param name="Then">In RIFF files: the form type, behind the four bytes of the size.</param>
    private readonly record struct Signature(int Offset, byte[] Bytes, string? Then = null)
    {
        public Signature(int offset, ReadOnlySpan<byte> bytes)
            : this(offset, bytes.ToArray())
        {
        }

        /// <summary>In files of ISO media: of these brands the file must have one.</summary>
        public string[]? Brands { get; init; }

        /// <summary>In files of ISO media: none of these may be the first brand.</summary>
        public string[]? NotFirst { get; init; }

        public bool Matches(ReadOnlySpan<byte> head) =>
            head.Length >= Offset + Bytes.Length && head[Offset..].StartsWith(Bytes)
            && (Then is null || IsAt(head, 8, Then))
            && (Brands is null || HasBrand(head))
            && (NotFirst is null || !IsOneOf(head, 8, NotFirst));

        // The first brand, its version, then all brands, to the end of the box.
        private bool HasBrand(ReadOnlySpan<byte> head)
        {
            var end = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(head), (uint)head.Length);
            for (var at = 8; at < end; at += at == 8 ? 8 : 4)
            {
                if (IsOneOf(head[..end], at, Brands!))
                    return true;
            }

            return false;
        }

        private static bool IsOneOf(ReadOnlySpan<byte> head, int at, string[] brands)
        {
            foreach (var brand in brands)
            {
                if (IsAt(head, at, brand))
                    return true;
            }

            return false;
        }

        private static bool IsAt(ReadOnlySpan<byte> head, int at, string text) =>
            head.Length >= at + text.Length && Ascii.Equals(head.Slice(at, text.Length), text);
    }
}
