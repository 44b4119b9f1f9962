using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>How a file is cut: all chunks have one size, but for the last, as R2 demands of the parts of an object.</summary>
internal readonly record struct PartPlan(long SizeBytes, long ChunkSizeBytes)
{
    /// <summary>S3 and R2: no part but the last may be smaller.</summary>
    public const long MinPartSizeBytes = 5L << 20;

    /// <summary>S3 and R2: an object has no more parts.</summary>
    public const int MaxParts = 10_000;

    public int TotalChunks => (int)((SizeBytes + ChunkSizeBytes - 1) / ChunkSizeBytes);

    /// <exception cref="CommandRefusedException">The file is too large, or cannot be cut like that.</exception>
    public static PartPlan Create(long? sizeBytes, long? chunkSizeBytes, FileLimits limits)
    {
        if (sizeBytes is not (>= 0 and var size))
        {
            throw new CommandRefusedException("INVALID_SIZE", "sizeBytes must be the file's size in bytes: 0 or more.");
        }

        if (size > limits.MaxSizeBytes)
        {
            throw new CommandRefusedException("FILE_TOO_LARGE", $"A file may have at most {limits.MaxSizeBytes} bytes.")
            {
                Members = new Dictionary<string, object?> { ["maxSizeBytes"] = limits.MaxSizeBytes },
            };
        }

        var plan = new PartPlan(size, chunkSizeBytes ?? limits.ChunkSizeBytes);
        var hasSeveral = plan.ChunkSizeBytes < size;
        if (plan.ChunkSizeBytes < 1 || plan.ChunkSizeBytes > limits.MaxChunkSizeBytes
            || (hasSeveral && (plan.ChunkSizeBytes < MinPartSizeBytes || plan.TotalChunks > MaxParts)))
        {
            var least = Math.Max(MinPartSizeBytes, (size + MaxParts - 1) / MaxParts);
            throw new CommandRefusedException(
                "INVALID_CHUNK_SIZE", $"chunkSizeBytes must be between {least} and {limits.MaxChunkSizeBytes} for a file of {size} bytes.")
            {
                Members = new Dictionary<string, object?>
                {
                    ["minChunkSizeBytes"] = least,
                    ["maxChunkSizeBytes"] = limits.MaxChunkSizeBytes,
                },
            };
        }

        return plan;
    }

    /// <exception cref="CommandRefusedException">The file has no chunk of that index.</exception>
    public PartSlot Slot(int index)
    {
        if (index < 0 || index >= TotalChunks)
        {
            throw UploadErrors.ChunkIndex(TotalChunks == 0
                ? "The file is empty: it has no chunks."
                : $"X-Chunk-Index must be between 0 and {TotalChunks - 1}.");
        }

        var offset = index * ChunkSizeBytes;
        return new(index + 1, offset, Math.Min(ChunkSizeBytes, SizeBytes - offset));
    }
}
