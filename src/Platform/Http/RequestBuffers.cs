using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Platform.Http;

/// <summary>
/// The memory that Kestrel receives into: blocks of 32 KB, where its own have 4. A socket fills a block with one system call, so a
/// body that comes fast costs an eighth of the calls and of the segments to go through. A connection without traffic holds none.
/// </summary>
internal sealed class RequestBuffers : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private const int BlockBytes = 32 * 1024;

    // 8 MB: what eight connections have between socket and reader at most. More than that is left to the garbage collector.
    private const int MostKept = 256;

    private readonly ConcurrentQueue<Block> kept = new();

    public override int MaxBufferSize => Shared.MaxBufferSize;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1) =>
        minBufferSize > BlockBytes ? Shared.Rent(minBufferSize) : (kept.TryDequeue(out var block) ? block : new Block(this)).Rented();

    // Kestrel disposes what it takes for a pool of its own, once for each of its endpoints.
    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Block(RequestBuffers pool) : IMemoryOwner<byte>
    {
        private int isRented;

        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(BlockBytes);

        public Block Rented()
        {
            isRented = 1;
            return this;
        }

        public void Dispose()
        {
            // Given back twice, it would be two connections' at once.
            if (Interlocked.Exchange(ref isRented, 0) == 1 && pool.kept.Count < MostKept)
            {
                pool.kept.Enqueue(this);
            }
        }
    }
}
