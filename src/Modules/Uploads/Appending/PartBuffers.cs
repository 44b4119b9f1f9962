using System.Buffers;
using System.Collections.Concurrent;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Room for parts while they arrive: a store takes a part whole or not at all, and what a broken request has sent must not be lost. A few
/// parts are held in memory, those of all further requests in temporary files, so that slow clients in any number cost disk and no memory.
/// </summary>
internal sealed class PartBuffers
{
    /// <summary>Two for each of four fast clients: one part is received while the one before goes to the store.</summary>
    private const int InMemory = 8;

    private readonly ConcurrentBag<byte[]> free = [];
    private int made;

    /// <param name="sizeBytes">What the part may have at most.</param>
    public PartBuffer Rent(long sizeBytes)
    {
        if (sizeBytes > PartPlan.AppendedPartSizeBytes)
        {
            return new PartBuffer.OnDisk();
        }

        if (!free.TryTake(out var bytes) && Interlocked.Increment(ref made) <= InMemory)
        {
            bytes = GC.AllocateUninitializedArray<byte>((int)PartPlan.AppendedPartSizeBytes);
        }

        return bytes is null ? new PartBuffer.OnDisk() : new PartBuffer.InMemory(bytes, free.Add);
    }
}

/// <summary>The bytes of one part, each at its place in it, written in any order.</summary>
internal abstract class PartBuffer : IDisposable
{
    public abstract void Write(long offsetBytes, ReadOnlySequence<byte> bytes);

    public abstract int Read(long offsetBytes, Span<byte> bytes);

    /// <summary>The bytes from an offset to the last one written, as a body that a store may read again.</summary>
    public abstract Stream OpenRead(long offsetBytes, long sizeBytes, uint crc32);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    public sealed class InMemory(byte[] buffer, Action<byte[]> giveBack) : PartBuffer
    {
        // Whoever stored a part disposes of it, and so does whoever opened it: given back twice, the memory would be two parts' at once.
        private int isGivenBack;

        public override void Write(long offsetBytes, ReadOnlySequence<byte> bytes) => bytes.CopyTo(buffer.AsSpan((int)offsetBytes));

        public override int Read(long offsetBytes, Span<byte> bytes)
        {
            buffer.AsSpan((int)offsetBytes, bytes.Length).CopyTo(bytes);
            return bytes.Length;
        }

        public override Stream OpenRead(long offsetBytes, long sizeBytes, uint crc32) =>
            new BufferBody(buffer.AsMemory((int)offsetBytes, (int)sizeBytes), crc32);

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref isGivenBack, 1) == 0)
            {
                giveBack(buffer);
            }
        }
    }

    public sealed class OnDisk : PartBuffer
    {
        private readonly FileStream file;

        public OnDisk()
        {
            var path = Path.Combine(Path.GetTempPath(), $"upload-{Guid.CreateVersion7():N}");
            file = new FileStream(
                path,
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete, BufferSize = 0 });

            // Nameless from here on: it goes with the process, however that ends.
            File.Delete(path);
        }

        public override void Write(long offsetBytes, ReadOnlySequence<byte> bytes)
        {
            if (bytes.IsSingleSegment)
            {
                RandomAccess.Write(file.SafeFileHandle, bytes.FirstSpan, offsetBytes);
                return;
            }

            var segments = new List<ReadOnlyMemory<byte>>();
            foreach (var segment in bytes)
            {
                segments.Add(segment);
            }

            RandomAccess.Write(file.SafeFileHandle, segments, offsetBytes);
        }

        public override int Read(long offsetBytes, Span<byte> bytes) => RandomAccess.Read(file.SafeFileHandle, bytes, offsetBytes);

        public override Stream OpenRead(long offsetBytes, long sizeBytes, uint crc32)
        {
            file.Position = offsetBytes;
            return file;
        }

        protected override void Dispose(bool disposing) => file.Dispose();
    }
}
