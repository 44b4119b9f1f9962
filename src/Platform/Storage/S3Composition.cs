using System.Buffers;

namespace Platform.Storage;

/// <summary>How a <see cref="ComposedBody"/> gets into a bucket.</summary>
internal static class S3Composition
{
    /// <summary>
    /// Sends a body from memory: its pieces are read asynchronously, but over plain http the SDK signs a body that it reads synchronously.
    /// </summary>
    public static async Task<StoredPart> PutGatheredAsync(
        S3ObjectStorage storage, MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)part.SizeBytes);
        try
        {
            var bytes = buffer.AsMemory(0, (int)part.SizeBytes);
            bytes = bytes[..await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken)];
            await using var gathered = new BufferBody(bytes, Crc32.Append(0, bytes.Span));
            return await storage.PutPartAsync(upload, part, gathered, cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
