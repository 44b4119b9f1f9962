using System.Reflection;
using System.Threading.Channels;

namespace Platform.Images;

/// <summary>
/// Makes pictures smaller, in processes of their own (<see cref="ImageWorker"/>), which are started when they are needed and kept. A source that
/// ends its worker, or takes too long, is refused; the next one gets a new worker. Safe from any thread.
/// </summary>
public sealed class ImageWorkers : IAsyncDisposable
{
    /// <summary>The largest source. Raw files aside, cameras' are half of it.</summary>
    public const int MostSourceBytes = 100 << 20;

    private readonly IReadOnlyList<string> command;
    private readonly TimeSpan patience;

    // A place for each worker; empty where none was started yet, or the last one failed.
    private readonly Channel<ImageWorkerProcess?> places = Channel.CreateUnbounded<ImageWorkerProcess?>();

    /// <param name="most">Workers at a time.</param>
    /// <param name="command">What runs <see cref="ImageWorker.RunAsync"/>; this program's verb by default.</param>
    /// <param name="patience">How long a source may take; <see cref="Patience"/> by default.</param>
    public ImageWorkers(int most, IReadOnlyList<string>? command = null, TimeSpan? patience = null)
    {
        this.command = command ?? [.. ThisProgram(), "image-worker"];
        this.patience = patience ?? Patience;
        Most = most;
        for (var i = 0; i < most; i++)
        {
            places.Writer.TryWrite(null);
        }
    }

    /// <summary>100 million pixels in three formats take half of it on a slow machine.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(60);

    public int Most { get; }

    /// <summary>Makes variants of a picture by a rule.</summary>
    /// <param name="source">Read to its end, which is after <paramref name="sizeBytes"/>.</param>
    /// <param name="take">Gets each variant, the widest first; its bytes are there until it returns.</param>
    /// <exception cref="ImageRefusedException">The source is no picture, or one that is not worked on.</exception>
    /// <exception cref="StartupException">libvips is not installed.</exception>
    public async Task<MadeImage> MakeAsync(
        Stream source,
        long sizeBytes,
        ImageRule rule,
        Func<ImageVariant, ReadOnlyMemory<byte>, CancellationToken, ValueTask> take,
        CancellationToken cancellationToken)
    {
        if (sizeBytes is < 1 or > MostSourceBytes)
        {
            throw new ImageRefusedException(sizeBytes < 1 ? "is empty" : $"has {sizeBytes} bytes, more than {MostSourceBytes}");
        }

        var worker = await places.Reader.ReadAsync(cancellationToken);
        try
        {
            worker ??= await ImageWorkerProcess.StartAsync(command, patience, cancellationToken);
            return await worker.MakeAsync(source, (int)sizeBytes, rule, take, cancellationToken);
        }
        finally
        {
            if (worker is { IsUsable: false })
            {
                await worker.DisposeAsync();
                worker = null;
            }

            places.Writer.TryWrite(worker);
        }
    }

    /// <summary>Ends the workers. Nothing may be under way.</summary>
    public async ValueTask DisposeAsync()
    {
        places.Writer.TryComplete();
        await foreach (var worker in places.Reader.ReadAllAsync())
        {
            if (worker is not null)
            {
                await worker.DisposeAsync();
            }
        }
    }

    // `dotnet Host.dll`, or the program that stands beside it.
    private static string[] ThisProgram()
    {
        var program = Environment.ProcessPath ?? "dotnet";
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Assembly.GetEntryAssembly()!.Location] : [program];
    }
}
