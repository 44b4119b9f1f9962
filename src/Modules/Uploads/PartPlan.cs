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

    /// <summary>
    /// The parts the server cuts from appended bytes: small enough to be held while they arrive, large enough that a store's price for
    /// each is nothing beside that of their bytes.
    /// </summary>
    public const long AppendedPartSizeBytes = 8L << 20;

    public int TotalChunks => (int)((SizeBytes + ChunkSizeBytes - 1) / ChunkSizeBytes);

    /// <exception cref="CommandRefusedException">The file is too large, or cannot be cut like that.</exception>
    public static PartPlan Create(long? sizeBytes, long? chunkSizeBytes, FileLimits limits)
    {
        if (sizeBytes is not (>= 0 and var size))
        {
            throw new CommandRefusedException("INVALID_SIZE", "sizeBytes must be the file's size in bytes: 0 or more.");
        }

        CheckSize(size, limits.MaxSizeBytes);
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

    /// <summary>
    /// How what is appended is cut. All parts but the last must be equal and the size of the file may come out last of all, so the size of
    /// the parts follows from the largest file there may be: 78 GiB make 10,000 parts of the least size, beyond that they grow.
    /// </summary>
    /// <param name="sizeBytes"><see langword="null"/> where the length is deferred.</param>
    /// <exception cref="CommandRefusedException">The file is too large.</exception>
    public static PartPlan ForAppends(long? sizeBytes, long maxSizeBytes, long leastPartSizeBytes)
    {
        CheckSize(sizeBytes ?? 0, maxSizeBytes);
        const long MiB = 1L << 20;
        var most = sizeBytes ?? maxSizeBytes;
        var partSize = (((most + MaxParts - 1) / MaxParts) + MiB - 1) / MiB * MiB;
        return new PartPlan(sizeBytes ?? 0, Math.Max(partSize, leastPartSizeBytes));
    }

    /// <exception cref="CommandRefusedException">The file is too large.</exception>
    public static void CheckSize(long sizeBytes, long maxSizeBytes)
    {
        if (sizeBytes > maxSizeBytes)
        {
            throw TooLarge(maxSizeBytes);
        }
    }

    public static CommandRefusedException TooLarge(long maxSizeBytes) => new("FILE_TOO_LARGE", $"A file may have at most {maxSizeBytes} bytes.")
    {
        Members = new Dictionary<string, object?> { ["maxSizeBytes"] = maxSizeBytes },
    };

    /// <exception cref="CommandRefusedException">The file has no chunk of that index.</exception>
    public PartSlot Slot(int index)
    {
        if (index < 0 || index >= TotalChunks)
        {
            throw UploadErrors.ChunkIndex(TotalChunks == 0
                ? "The file is empty: it has no chunks."
                : $"The file has chunks 0 to {TotalChunks - 1}, which are parts 1 to {TotalChunks}.");
        }

        var offset = index * ChunkSizeBytes;
        return new(index + 1, offset, Math.Min(ChunkSizeBytes, SizeBytes - offset));
    }
}
