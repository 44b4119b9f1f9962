using System.Runtime.InteropServices;

namespace Platform.Images;

/// <summary>
/// The process that decodes pictures, so that a file that crashes or fills a decoder takes nothing else with it. It has no settings and no
/// secrets, opens no file, and knows nothing but the bytes it is given (<see cref="ImageWorkers"/>).
/// </summary>
public static class ImageWorker
{
    /// <summary>Two seconds more than who started it waits: by then nobody does.</summary>
    private static readonly uint LongestSeconds = (uint)ImageWorkers.Patience.TotalSeconds + 2;

    /// <summary>Works on what comes by standard input until that ends, whatever else it is told. Returns the exit code.</summary>
    public static async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        WorkerLimits.Apply();
        await using var input = Console.OpenStandardInput();
        await using var output = Console.OpenStandardOutput();
        var ready = Start();
        await ImageWire.WriteAsync(output, ready, cancellationToken);
        if (ready.Missing is not null)
        {
            return 3;
        }

        while (await ImageWire.ReadAsync<ImageRequest>(input, cancellationToken) is { } request)
        {
            using var source = ReadSource(input, request.SizeBytes);
            _ = WorkerLimits.EndIn(LongestSeconds);
            await AnswerAsync(output, request.Rule, source, cancellationToken);
            _ = WorkerLimits.EndIn(0);
        }

        return 0;
    }

    private static WorkerReady Start()
    {
        try
        {
            if (Vips.Init("image-worker") != 0)
            {
                return new WorkerReady(null, VipsOperation.Failed().Message);
            }

            // As many workers as processors work side by side: one thread each wastes the least. No picture is asked for twice.
            Vips.SetConcurrency(1);
            Vips.SetCacheMax(0);
            Vips.BlockUntrusted(1);
            return new WorkerReady(Marshal.PtrToStringUTF8(Vips.VersionString()), null);
        }
        catch (DllNotFoundException e)
        {
            return new WorkerReady(null, e.Message.Split('\n')[0]);
        }
    }

    private static async Task AnswerAsync(Stream output, ImageRule rule, NativeBytes source, CancellationToken cancellationToken)
    {
        try
        {
            using var picture = new Picture(source);
            var (made, bytes) = picture.Make(rule);
            await ImageWire.WriteAsync(output, new ImageAnswer(made, null), cancellationToken);
            Write(output, bytes);
        }
        catch (ImageRefusedException e)
        {
            await ImageWire.WriteAsync(output, new ImageAnswer(null, e.Message), cancellationToken);
        }
    }

    private static NativeBytes ReadSource(Stream input, int sizeBytes)
    {
        var source = new NativeBytes(sizeBytes);
        input.ReadExactly(source.Span);
        return source;
    }

    private static void Write(Stream output, IReadOnlyList<VipsBlob> variants)
    {
        foreach (var bytes in variants)
        {
            using (bytes)
            {
                output.Write(bytes.Span);
            }
        }
    }
}
