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

/// <summary>A body whose last byte waits for <see cref="Finish"/>.</summary>
internal sealed class SlowContent(byte[] bytes) : HttpContent
{
    private readonly TaskCompletionSource sending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource finish = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Sending => sending.Task;

    public void Finish() => finish.SetResult();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.WriteAsync(bytes.AsMemory(0, bytes.Length - 1));
        await stream.FlushAsync();

        // The server has the request's head once it has these bytes; a moment later it has begun with the body.
        await Task.Delay(200);
        sending.SetResult();
        await finish.Task;
        await stream.WriteAsync(bytes.AsMemory(bytes.Length - 1));
    }

    protected override bool TryComputeLength(out long length)
    {
        length = bytes.Length;
        return true;
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
