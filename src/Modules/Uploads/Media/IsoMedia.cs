namespace Uploads;

/// <summary>
/// HEIF, AVIF and MP4 files (ISO/IEC 14496-12): boxes of size, type and content, which may be boxes again. Boxes are looked for where they stand in
/// common files; what is elsewhere, or beyond the bytes at hand, is not found.
/// </summary>
internal static class IsoMedia
{
    private static readonly DateTime Epoch = new(1904, 1, 1, 0, 0, 0, DateTimeKind.Unspecified);

    /// <param name="OffsetBytes">Of the content in what was searched, which may end before it does.</param>
    /// <param name="EndBytes">Of the box.</param>
    public readonly record struct Box(long OffsetBytes, long EndBytes)
    {
        public long SizeBytes => EndBytes - OffsetBytes;
    }

    /// <summary>The box that begins there, whatever its type; one without an end of its own ends with the file.</summary>
    public static Box? At(HeadBytes file, long at, long fileSizeBytes)
    {
        if (file.U32(at) is not { } size)
        {
            return null;
        }

        var (header, whole) = size switch
        {
            0 => (8, (ulong)Math.Max(fileSizeBytes - at, 0)),
            1 => (16, file.U64(at + 8) ?? 0),
            _ => (8, size),
        };
        return whole >= (ulong)header && whole <= (ulong)Math.Max(fileSizeBytes - at, 0) ? new Box(at + header, at + (long)whole) : null;
    }

    /// <summary>The picture's size as it is seen, and where its Exif stands in the file. Pictures are tiled and have previews: the largest is meant.</summary>
    public static (long? Width, long? Height, (long OffsetBytes, long SizeBytes)? Exif) Picture(HeadBytes file, long fileSizeBytes)
    {
        // meta is a box with version and flags (§8.11.1).
        if (Find(file, new Box(0, fileSizeBytes), "meta"u8) is not { } meta)
        {
            return default;
        }

        var inMeta = new Box(meta.OffsetBytes + 4, meta.EndBytes);
        long? width = null, height = null;
        var isTurned = false;
        if (Find(file, inMeta, "iprp"u8) is { } iprp && Find(file, iprp, "ipco"u8) is { } ipco)
        {
            for (var at = ipco.OffsetBytes; at < ipco.EndBytes && At(file, at, ipco.EndBytes) is { } property; at = property.EndBytes)
            {
                // 23008-12 §6.5.3, §6.5.10
                if (file.Is(at + 4, "ispe"u8) && file.U32(at + 12) is { } w && file.U32(at + 16) is { } h && w * (ulong)h > (ulong)((width ?? 0) * (height ?? 0)))
                {
                    (width, height) = (w, h);
                }

                isTurned |= file.Is(at + 4, "irot"u8) && (file.U8(at + 8) & 1) == 1;
            }
        }

        return (isTurned ? height : width, isTurned ? width : height, ExifOf(file, inMeta));
    }

    /// <summary>When the film was made, from the box <c>moov</c> (§8.2.2), in UTC.</summary>
    public static DateTime? CreatedAt(HeadBytes file, Box moov)
    {
        if (Find(file, moov, "mvhd"u8) is not { } mvhd)
        {
            return null;
        }

        var seconds = file.U8(mvhd.OffsetBytes) == 1 ? file.U64(mvhd.OffsetBytes + 4) : file.U32(mvhd.OffsetBytes + 4);

        // 0 is how a camera without a clock says that it has none.
        return seconds is > 0 and <= uint.MaxValue ? Epoch.AddSeconds(seconds.Value) : null;
    }

    public static Box? Find(HeadBytes file, Box parent, ReadOnlySpan<byte> type)
    {
        for (var at = parent.OffsetBytes; at < parent.EndBytes && At(file, at, parent.EndBytes) is { } box; at = box.EndBytes)
        {
            if (file.Is(at + 4, type))
            {
                return box;
            }
        }

        return null;
    }

    // The item of type Exif (iinf, §8.11.6) and where it lies (iloc, §8.11.3).
    private static (long OffsetBytes, long SizeBytes)? ExifOf(HeadBytes file, Box meta)
    {
        if (Find(file, meta, "iinf"u8) is not { } iinf || Find(file, meta, "iloc"u8) is not { } iloc)
        {
            return null;
        }

        for (var at = iinf.OffsetBytes + (file.U8(iinf.OffsetBytes) == 0 ? 6 : 8); at < iinf.EndBytes && At(file, at, iinf.EndBytes) is { } infe; at = infe.EndBytes)
        {
            var idBytes = file.U8(infe.OffsetBytes) == 3 ? 4 : 2;
            if (file.Is(infe.OffsetBytes + 4 + idBytes + 2, "Exif"u8) && file.U(infe.OffsetBytes + 4, idBytes) is { } id)
            {
                return LocationOf(file, iloc, id);
            }
        }

        return null;
    }

    private static (long OffsetBytes, long SizeBytes)? LocationOf(HeadBytes file, Box iloc, ulong id)
    {
        var version = file.U8(iloc.OffsetBytes);
        if (file.U16(iloc.OffsetBytes + 4) is not { } sizes || version > 2)
        {
            return null;
        }

        var (offsetBytes, lengthBytes, baseBytes, indexBytes) = (sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15, version > 0 ? sizes & 15 : 0);
        var idBytes = version == 2 ? 4 : 2;
        var at = iloc.OffsetBytes + 6;
        var count = file.U(at, idBytes) ?? 0;
        at += idBytes;
        for (; count > 0 && at < iloc.EndBytes && file.U(at, idBytes) is { } item; count--)
        {
            at += idBytes;
            var isInFile = version == 0 || (file.U16(at) & 15) == 0;
            at += version == 0 ? 2 : 4;
            var start = file.U(at, baseBytes);
            var extents = file.U16(at + baseBytes) ?? 0;
            at += baseBytes + 2;
            if (item == id)
            {
                var offset = start + file.U(at + indexBytes, offsetBytes);
                var size = file.U(at + indexBytes + offsetBytes, lengthBytes);
                return isInFile && extents > 0 && offset <= long.MaxValue && size <= long.MaxValue ? ((long)offset.Value, (long)size.Value) : null;
            }

            at += extents * (long)(indexBytes + offsetBytes + lengthBytes);
        }

        return null;
    }
}
