using System.Net;

namespace Uploads.Tests;

/// <summary>A body without Content-Length.</summary>
internal sealed class ChunkedContent(byte[] bytes) : HttpContent
{
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        foreach (var piece in bytes.Chunk(64 << 10))
        {
            await stream.WriteAsync(piece);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

internal static class Eventually
{
    /// <summary>Waits for what happens by itself a moment later.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition)
    {
        var limit = DateTime.UtcNow.AddMinutes(1);
        while (!await condition())
        {
            Xunit.Assert.True(DateTime.UtcNow < limit, "It did not happen within a minute.");
            await Task.Delay(50);
        }
    }
}
