using Uploads.Contracts;

namespace Uploads;

/// <summary>Size and Exif from the first bytes of JPEG, PNG, GIF, WebP and TIFF files. What is not found is left out.</summary>
internal static class PictureHeader
{
    public static UploadedMedia? Read(string contentType, ReadOnlySpan<byte> head) => contentType switch
    {
        "image/jpeg" => Jpeg(head),
        "image/png" => Png(head),
        "image/gif" => new HeadBytes(head, isLittleEndian: true) is var gif ? Seen(gif.U16(6), gif.U16(8), default) : null,
        "image/webp" => Webp(head),
        "image/tiff" => Exif.Read(head) is var tiff ? Seen(tiff.Width, tiff.Height, tiff) : null,

        // Raw files are TIFF too, but the picture their first directory is about is a preview.
        "image/x-adobe-dng" or "image/x-canon-cr2" or "image/x-nikon-nef" or "image/x-sony-arw" => Seen(null, null, Exif.Read(head)),
        _ => null,
    };

    /// <summary>A picture as it is seen: turned as Exif says. Nothing where nothing is known.</summary>
    public static UploadedMedia? Seen(long? width, long? height, Exif exif)
    {
        var hasSize = width is > 0 and <= int.MaxValue && height is > 0 and <= int.MaxValue;
        var isTurned = exif.Orientation is >= 5 and <= 8;
        return hasSize || exif.TakenAtLocal is not null
            ? new UploadedMedia(
                hasSize ? (int?)(isTurned ? height : width) : null, hasSize ? (int?)(isTurned ? width : height) : null, exif.TakenAtLocal, exif.TakenAtOffset)
            : null;
    }

    // ITU-T T.81 B.1.1: segments of marker and length, up to the one that begins the image data.
    private static UploadedMedia? Jpeg(ReadOnlySpan<byte> head)
    {
        var file = new HeadBytes(head);
        var exif = default(Exif);
        for (var at = 2L; file.U8(at) == 0xFF && file.U8(at + 1) is { } marker;)
        {
            // 0xFF before a marker fills up.
            if (marker == 0xFF)
            {
                at++;
                continue;
            }

            if (file.U16(at + 2) is not (>= 2 and var length) || marker is 0xD9 or 0xDA)
            {
                break;
            }

            // SOF0 to SOF15; DHT, JPG and DAC stand among them.
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
            {
                return Seen(file.U16(at + 7), file.U16(at + 5), exif);
            }

            if (marker == 0xE1 && file.Is(at + 4, "Exif\0\0"u8))
            {
                exif = Exif.Read(file.Cut(at + 10, length - 8));
            }

            at += 2 + length;
        }

        return Seen(exif.Width, exif.Height, exif);
    }

    // PNG 3 §5.3: chunks of length, type, data and CRC; IHDR first, eXIf before the image data if the file can be read as it comes.
    private static UploadedMedia? Png(ReadOnlySpan<byte> head)
    {
        var file = new HeadBytes(head);
        var exif = default(Exif);
        for (var at = 8L; file.U32(at) is { } length && !file.Is(at + 4, "IDAT"u8); at += 12 + (long)length)
        {
            if (file.Is(at + 4, "eXIf"u8))
            {
                exif = Exif.Read(file.Cut(at + 8, length));
            }
        }

        return file.Is(12, "IHDR"u8) ? Seen(file.U32(16), file.U32(20), exif) : null;
    }

    // RFC 9649 §2.3: chunks of type, length and data, padded to even lengths. The first one tells the size.
    private static UploadedMedia? Webp(ReadOnlySpan<byte> head)
    {
        var file = new HeadBytes(head, isLittleEndian: true);
        var exif = default(Exif);
        for (var at = 12L; file.U32(at + 4) is { } length; at += 8 + (long)length + (length & 1))
        {
            if (file.Is(at, "EXIF"u8))
            {
                exif = Exif.Read(file.Cut(at + 8, length));
            }
        }

        if (file.Is(12, "VP8X"u8))
        {
            // 24 bits each, less one.
            return Seen((file.U32(24) & 0xFFFFFF) + 1, (file.U32(26) >> 8) + 1, exif);
        }

        if (file.Is(12, "VP8L"u8) && file.U32(21) is { } bits)
        {
            return Seen((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, exif);
        }

        return file.Is(12, "VP8 "u8) ? Seen(file.U16(26) & 0x3FFF, file.U16(28) & 0x3FFF, exif) : null;
    }
}
