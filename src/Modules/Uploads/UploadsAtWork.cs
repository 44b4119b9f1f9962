using Platform.Events;

namespace Uploads;

/// <summary>
/// Lets the requests of this process that work on one upload know of each other, so that they take turns rather than lose against
/// each other at the stream. Between processes the version of the stream decides alone.
/// </summary>
internal sealed class UploadsAtWork
{
    private readonly Dictionary<Guid, UploadAtWork> uploads = [];

    /// <summary>Joins whoever works on the upload, until disposed.</summary>
    public UploadAtWork Join(Guid uploadId)
    {
        lock (uploads)
        {
            if (!uploads.TryGetValue(uploadId, out var upload))
            {
                uploads.Add(uploadId, upload = new UploadAtWork(() => Leave(uploadId)));
            }

            upload.Requests++;
            return upload;
        }
    }

    private bool Leave(Guid uploadId)
    {
        lock (uploads)
        {
            return --uploads[uploadId].Requests == 0 && uploads.Remove(uploadId);
        }
    }
}

/// <summary>One upload that requests of this process work on.</summary>
/// <param name="leave">True for the last one.</param>
internal sealed class UploadAtWork(Func<bool> leave) : IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly HashSet<int> chunks = [];
    private Folded<Upload>? latest;

    /// <summary>Guarded by <see cref="UploadsAtWork"/>.</summary>
    public int Requests { get; set; }

    /// <summary>Whether the caller, and nobody else, may write that chunk until it calls <see cref="Give"/>.</summary>
    public bool TryTake(int index)
    {
        lock (chunks)
        {
            return chunks.Add(index);
        }
    }

    public void Give(int index)
    {
        lock (chunks)
        {
            chunks.Remove(index);
        }
    }

    /// <summary>
    /// Appends what <paramref name="decide"/> says, when it is the caller's turn: at once to the newest state this process knows, and
    /// only if that is outdated, or there is nothing to append, after a look at the stream. Not to be cancelled.
    /// </summary>
    /// <param name="known">What the caller folded before.</param>
    public async Task<Upload> DecideAsync(
        EventStore events, Guid uploadId, Folded<Upload> known, Func<Upload, IReadOnlyList<IUploadEvent>> decide)
    {
        using var held = await TakeTurnAsync(CancellationToken.None);
        var newest = latest is { } last && last.Version > known.Version ? last : known;
        try
        {
            if (decide(newest.State) is { Count: > 0 } decided)
            {
                newest = await events.AppendAsync(uploadId, newest, decided, CancellationToken.None);
                latest = newest;
                return newest.State;
            }
        }
        catch (StreamConflictException)
        {
            // Another process wrote meanwhile.
        }

        newest = await events.DecideAsync(uploadId, decide, CancellationToken.None);
        latest = newest;
        return newest.State;
    }

    /// <summary>Waits for the turn, and has it until the result is disposed.</summary>
    public async Task<IDisposable> TakeTurnAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        return new Turn(turn);
    }

    public void Dispose()
    {
        if (leave())
        {
            turn.Dispose();
        }
    }

    private sealed class Turn(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
