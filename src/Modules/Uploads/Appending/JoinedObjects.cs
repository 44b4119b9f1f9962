using Platform.Storage;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Objects seen as one, each behind the one before.</summary>
internal sealed class JoinedObjects(IReadOnlyList<UploadCompleted> objects)
{
    public long SizeBytes => objects.Sum(piece => piece.SizeBytes);

    public uint Crc32 => objects.Aggregate(0u, (crc32, piece) => Platform.Storage.Crc32.Combine(crc32, piece.Crc32, piece.SizeBytes));

    /// <summary>What a range of the whole is in its objects, in order.</summary>
    public IReadOnlyList<(UploadCompleted Object, ByteRange Range)> RangesOf(ByteRange wanted)
    {
        var ranges = new List<(UploadCompleted, ByteRange)>();
        var begin = 0L;
        foreach (var piece in objects)
        {
            var from = Math.Max(wanted.OffsetBytes, begin);
            var size = Math.Min(wanted.EndBytes, begin + piece.SizeBytes) - from;
            if (size > 0)
            {
                ranges.Add((piece, new ByteRange(from - begin, size)));
            }

            begin += piece.SizeBytes;
        }

        return ranges;
    }

    /// <summary>The bytes of a range, read once. Each object is opened when its turn comes.</summary>
    public Stream OpenRead(IObjectStorage storage, ByteRange range) => new Reader(storage, new(RangesOf(range)));

    private sealed class Reader(IObjectStorage storage, Queue<(UploadCompleted Object, ByteRange Range)> rest) : ReadOnlyStream
    {
        private Stream? current;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                if (current is not null && await current.ReadAsync(buffer, cancellationToken) is var read and > 0)
                    return read;
                await CloseAsync();
                if (!rest.TryDequeue(out var next))
                    return 0;
                current = await storage.ReadAsync(next.Object.Key, next.Range, next.Object.ETag, cancellationToken);
            }
        }

        public override async ValueTask DisposeAsync()
        {
            await CloseAsync();
            await base.DisposeAsync();
        }

        private async ValueTask CloseAsync()
        {
            if (current is not null)
            {
                await current.DisposeAsync();
                current = null;
            }
        }
    }
}
