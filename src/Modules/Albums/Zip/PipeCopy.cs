using System.IO.Pipelines;

namespace Albums.Zip;

/// <summary>Copies into a response without a buffer of its own: sources read into the memory that goes to the socket.</summary>
internal static class PipeCopy
{
    /// <summary>What is read and sent at a time. Small enough to stay in the cache between the two.</summary>
    internal const int BlockBytes = 128 * 1024;

    /// <summary>Copies a source to its end. Returns early where nobody reads any more.</summary>
    internal static async Task CopyToPipeAsync(this Stream source, PipeWriter target, CancellationToken cancellationToken)
    {
        while (await source.ReadAsync(target.GetMemory(BlockBytes)[..BlockBytes], cancellationToken) is var read and not 0)
        {
            target.Advance(read);
            if ((await target.FlushAsync(cancellationToken)).IsCompleted)
            {
                return;
            }
        }
    }
}
