using System.Buffers;
using System.Diagnostics;

namespace Platform.Images;

/// <summary>A running image worker, as seen by who started it. For one source at a time.</summary>
internal sealed class ImageWorkerProcess : IAsyncDisposable
{
    // What a variant of the widest width can be, without being compressed at all.
    private const int MostVariantBytes = 512 << 20;

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);

    // It ends at once, but may have to wait for a processor.
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    // Where libraries are is the one thing of this process that a worker needs to know.
    private static readonly string[] Inherited = $"DOTNET_ROOT LD_LIBRARY_PATH {Vips.PathVariable} LANG LC_ALL".Split(' ');

    private static readonly Dictionary<string, string?> Settings = new()
    {
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_GCHeapHardLimit"] = "0x4000000", // 64 MB: messages; pictures, also encoded ones, are not on this heap
        ["DOTNET_EnableDiagnostics"] = "0", // no socket
        ["DOTNET_EnableWriteXorExecute"] = "0", // works by a file in memory, and files may not grow here
        ["DOTNET_TieredCompilation"] = "0", // what is hot here is libvips: compiling our few methods twice costs more than it saves
        ["MALLOC_ARENA_MAX"] = "1", // one thread works at a time: a quarter less memory than with two, and faster
        ["VIPS_WARNING"] = "0", // set: libvips keeps warnings to itself
    };

    // 40 MB of what a picture took stay for the next, instead of being asked for again, page by page: a twentieth of the time. Not around a
    // distribution's libvips, which stands on 25 MB of libraries more: 300 MB are enough for two workers and who started them.
    private static readonly Dictionary<string, string?> SettingsOfNamedLibrary = new()
    {
        ["MALLOC_TOP_PAD_"] = "41943040",
        ["MALLOC_TRIM_THRESHOLD_"] = "33554432",
        ["MALLOC_MMAP_THRESHOLD_"] = "33554432",
    };

    private readonly Process process;
    private readonly TimeSpan patience;
    private readonly Stream input;
    private readonly Stream output;

    private ImageWorkerProcess(Process process, TimeSpan patience)
    {
        (this.process, this.patience) = (process, patience);
        (input, output) = (process.StandardInput.BaseStream, process.StandardOutput.BaseStream);
        process.BeginErrorReadLine(); // so that it never waits for somebody to read
    }

    /// <summary>Whether it can take another source: it waits for one.</summary>
    internal bool IsUsable { get; private set; }

    /// <exception cref="StartupException">It cannot be started, or says that libvips is not there.</exception>
    internal static async Task<ImageWorkerProcess> StartAsync(IReadOnlyList<string> command, TimeSpan patience, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var inherited = Inherited
            .Select(name => KeyValuePair.Create(name, Environment.GetEnvironmentVariable(name)))
            .Where(one => !string.IsNullOrEmpty(one.Value))
            .ToDictionary();
        start.Environment.Clear(); // of secrets
        foreach (var (name, value) in Settings.Concat(inherited.ContainsKey(Vips.PathVariable) ? SettingsOfNamedLibrary : []).Concat(inherited))
        {
            start.Environment[name] = value;
        }

        var worker = new ImageWorkerProcess(Process.Start(start)!, patience);
        try
        {
            var ready = await worker.WithinAsync(StartPatience, cancel => ImageWire.ReadAsync<WorkerReady>(worker.output, cancel), cancellationToken);
            worker.IsUsable = ready is { Version: not null } ? true : throw NotReady(ready);
            return worker;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or ImageRefusedException)
        {
            await worker.DisposeAsync();
            throw new StartupException($"The image worker does not start: {e.Message}", e) { ExitCode = 3 };
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    internal async Task<MadeImage> MakeAsync(
        Stream source,
        int sizeBytes,
        ImageRule rule,
        Func<ImageVariant, ReadOnlyMemory<byte>, CancellationToken, ValueTask> take,
        CancellationToken cancellationToken)
    {
        IsUsable = false;
        try
        {
            var answer = await WithinAsync(
                patience,
                async cancel =>
                {
                    await ImageWire.WriteAsync(input, new ImageRequest(rule, sizeBytes), cancel);
                    await source.CopyToAsync(input, cancel);
                    await input.FlushAsync(cancel);
                    return await ImageWire.ReadAsync<ImageAnswer>(output, cancel);
                },
                cancellationToken);
            if (answer?.Made is not { } made)
            {
                IsUsable = answer?.Refused is not null;
                throw new ImageRefusedException(answer?.Refused ?? throw new EndOfStreamException());
            }

            foreach (var variant in made.Variants)
            {
                await TakeAsync(variant, take, cancellationToken);
            }

            IsUsable = true;
            return made;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException || (e is IOException && HasEnded()))
        {
            throw new ImageRefusedException("ended the process that decoded it: damaged, or too large");
        }
    }

    public async ValueTask DisposeAsync()
    {
        using (process)
        {
            await input.DisposeAsync();
            using var longest = new CancellationTokenSource(IsUsable ? EndPatience : TimeSpan.Zero);
            try
            {
                await process.WaitForExitAsync(longest.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    // Its end of the pipe is gone a moment before it is.
    private bool HasEnded() => process.WaitForExit(EndPatience);

    private static StartupException NotReady(WorkerReady? ready) => new(
        $"Images need libvips, which is not there ({ready?.Missing ?? "the worker ended"}): on Debian or Ubuntu run `sudo apt-get install libvips42`.")
    {
        ExitCode = 3,
    };

    private async Task TakeAsync(
        ImageVariant variant, Func<ImageVariant, ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        if (variant.SizeBytes is < 1 or > MostVariantBytes)
        {
            throw new InvalidDataException($"A variant of {variant.SizeBytes} bytes.");
        }

        var bytes = ArrayPool<byte>.Shared.Rent(variant.SizeBytes);
        try
        {
            await WithinAsync(
                patience,
                async cancel =>
                {
                    await output.ReadExactlyAsync(bytes.AsMemory(0, variant.SizeBytes), cancel);
                    return variant;
                },
                cancellationToken);
            await take(variant, bytes.AsMemory(0, variant.SizeBytes), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    // A pipe's reader cannot be told to stop; it ends with the process at its other end.
    private async Task<T> WithinAsync<T>(TimeSpan longest, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(longest);
        try
        {
            T result;
            await using (limit.Token.Register(process.Kill))
            {
                result = await work(limit.Token);
            }

            // The end of one that was killed looks like an end of its own, and what it said last is of no use.
            limit.Token.ThrowIfCancellationRequested();
            return result;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidDataException && limit.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ImageRefusedException($"takes longer than {longest.TotalSeconds} s");
        }
    }
}
