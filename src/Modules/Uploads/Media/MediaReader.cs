using System.Buffers;
using Microsoft.Extensions.Logging;
using Platform.Storage;
using Uploads.Contracts;

namespace Uploads;

/// <summary>
/// Reads from a complete file what an album or a gallery wants to know before it opens it: one read of its beginning, and at most a few small ones
/// where a format keeps it elsewhere. A file that cannot be understood is taken all the same.
/// </summary>
internal sealed class MediaReader(IObjectStorage storage, TimeProvider clock, ILogger<MediaReader> log)
{
    // Previews and colour profiles stand before the size of a JPEG: rarely more than this.
    private const int HeadSize = 256 * 1024;

    // A directory of Exif is at most one segment of a JPEG.
    private const int ExifSize = 64 * 1024;

    // The header of a box, and mvhd at the beginning of moov.
    private const int BoxSize = 256;

    // ftyp, wide, mdat, free, uuid, moov: films have few boxes at the top. One made to have many is not followed.
    private const int MostBoxes = 16;

    // Nobody waits longer for what is nice to know.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <returns><see langword="null"/> where nothing is known.</returns>
    public async Task<UploadedMedia?> ReadAsync(StoredObject file, string contentType)
    {
        if (file.SizeBytes == 0 || !(contentType.StartsWith("image/", StringComparison.Ordinal) || IsFilm(contentType)))
        {
            return null;
        }

        using var patience = new CancellationTokenSource(Patience, clock);
        try
        {
            return IsFilm(contentType) ? await FilmAsync(file, patience.Token) : await PictureAsync(file, contentType, patience.Token);
        }
        catch (Exception e) when (e is StorageException or OperationCanceledException)
        {
            log.MediaNotRead(e, file.Key);
            return null;
        }
    }

    private static bool IsFilm(string contentType) => contentType is "video/mp4" or "video/quicktime" or "video/x-m4v" or "video/3gpp";

    private async Task<UploadedMedia?> PictureAsync(StoredObject file, string contentType, CancellationToken cancellationToken)
    {
        using var head = await ReadAsync(file, 0, HeadSize, cancellationToken);
        if (contentType is not ("image/heic" or "image/heif" or "image/avif"))
        {
            return PictureHeader.Read(contentType, head.Bytes);
        }

        var (width, height, place) = IsoMedia.Picture(new HeadBytes(head.Bytes), file.SizeBytes);

        // Exif's own orientation does not count: irot says the same (23008-12 §A.2.1).
        var exif = place is { SizeBytes: > 0 } at && at.OffsetBytes < file.SizeBytes ? await ExifAsync(file, at, cancellationToken) : default;
        return PictureHeader.Seen(width, height, exif with { Orientation = 1 });
    }

    private async Task<Exif> ExifAsync(StoredObject file, (long OffsetBytes, long SizeBytes) place, CancellationToken cancellationToken)
    {
        using var item = await ReadAsync(file, place.OffsetBytes, Math.Min(place.SizeBytes, ExifSize), cancellationToken);

        // The item begins with how far behind these four bytes the TIFF header stands.
        var bytes = new HeadBytes(item.Bytes);
        return Exif.Read(bytes.Cut(4 + (bytes.U32(0) ?? 0L), bytes.Count));
    }

    // Where the film was written as it was taken, moov stands behind all the pictures.
    private async Task<UploadedMedia?> FilmAsync(StoredObject file, CancellationToken cancellationToken)
    {
        var at = 0L;
        for (var i = 0; i < MostBoxes && at < file.SizeBytes; i++)
        {
            using var read = await ReadAsync(file, at, BoxSize, cancellationToken);
            var bytes = new HeadBytes(read.Bytes);
            if (IsoMedia.At(bytes, 0, file.SizeBytes - at) is not { } box)
            {
                break;
            }

            if (bytes.Is(4, "moov"u8))
            {
                return IsoMedia.CreatedAt(bytes, box) is { } created ? new UploadedMedia(null, null, created, TimeSpan.Zero) : null;
            }

            at += box.EndBytes;
        }

        return null;
    }

    private async Task<RentedBytes> ReadAsync(StoredObject file, long offsetBytes, long sizeBytes, CancellationToken cancellationToken)
    {
        var size = (int)Math.Min(sizeBytes, file.SizeBytes - offsetBytes);
        var rented = new RentedBytes(size);
        try
        {
            await using var body = await storage.ReadAsync(file.Key, new ByteRange(offsetBytes, size), file.ETag, cancellationToken);
            await body.ReadAtLeastAsync(rented.Memory, size, throwOnEndOfStream: false, cancellationToken);
            return rented;
        }
        catch
        {
            rented.Dispose();
            throw;
        }
    }

    private sealed class RentedBytes(int size) : IDisposable
    {
        private readonly byte[] array = ArrayPool<byte>.Shared.Rent(size);

        public Memory<byte> Memory => array.AsMemory(0, size);

        public ReadOnlySpan<byte> Bytes => array.AsSpan(0, size);

        public void Dispose() => ArrayPool<byte>.Shared.Return(array);
    }
}
