using System.Buffers;
using System.Diagnostics;
using Albums.Contracts;
using Albums.Sources;
using Albums.Zip;
using Microsoft.Extensions.Logging;
using Platform.Costs;
using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Makes the ZIP of an album, going on where the attempt before stopped. Safe to repeat and to run twice at a time: the
/// stream's version lets one worker win, and a completed, failed or cancelled album stays as it is.
/// </summary>
internal sealed record ZipAlbum(Guid AlbumId);

internal sealed class ZipAlbumHandler(
    EventStore store,
    IObjectStorage storage,
    AlbumContents contents,
    UrlSource urls,
    EarlierZips earlierZips,
    DiscardAlbumHandler discard,
    ExpiryOptions expiry,
    AlbumProgressQueue progress,
    UsageLedger usage,
    JobTurns turns,
    ArrayPool<byte> buffers,
    TimeProvider clock,
    ILogger<ZipAlbumHandler> logger) : IJob<ZipAlbum>
{
    // R2 forgets an upload after seven days; an album that loses two in one attempt has another problem.
    private const int MostUploads = 3;

    public async Task RunAsync(ZipAlbum command, CancellationToken cancellationToken)
    {
        var node = $"{Environment.MachineName}/{Environment.ProcessId}";
        var stream = await AlbumStream.DecideAsync(
            store, command.AlbumId, album => album.IsWaitingForWork ? [new AttemptStarted(node, clock.GetUtcNow())] : [], cancellationToken);
        if (stream.Album.IsWaitingForWork)
        {
            logger.AttemptStarted(command.AlbumId, stream.Album.Attempts, node);
            using var charged = usage.Charge(stream.Album.AccountOf(command.AlbumId));
            await AttemptAsync(stream, cancellationToken);
            usage.RecordSoon(); // who looks at the album sees what it cost
        }

        // Where the album ended meanwhile, what this worker or one before it sent last may have come after the removal.
        await discard.RunAsync(new DiscardAlbum(command.AlbumId), cancellationToken);
    }

    public async Task GaveUpAsync(ZipAlbum command, Exception error, CancellationToken cancellationToken)
    {
        var reason = error is StorageException ? "STORAGE_ERROR" : "INTERNAL_ERROR";
        await store.DecideAsync<Album, IAlbumEvent>(
            command.AlbumId,
            album => album.IsWaitingForWork ? [new AlbumFailed(reason, error.Message, clock.GetUtcNow())] : [],
            cancellationToken);
    }

    private async Task AttemptAsync(AlbumStream stream, CancellationToken cancellationToken)
    {
        stream.Appended = progress.Of(stream.AlbumId);
        var attempt = stream.Album.Attempts;
        var turn = turns.Begin();
        var meter = new WorkMeter();
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                var ending = await ZipAsync(stream, new MeteredObjectStorage(storage, meter), turn, cancellationToken);
                await stream.AppendAsync([.. ending, Metered(meter, watch)], cancellationToken);
                logger.AttemptEnded(stream.AlbumId, ending[^1].GetType().Name, watch.Elapsed, meter.BytesIn, meter.BytesCopied);
                return;
            }
            catch (StorageException) when (!cancellationToken.IsCancellationRequested)
            {
                try
                {
                    await stream.AppendAsync([Metered(meter, watch)], cancellationToken); // what was done costs all the same
                }
                catch (StreamConflictException)
                {
                    // The album went on without this attempt; its failure is still the store's.
                }

                throw;
            }
            catch (StreamConflictException conflict)
            {
                // Whoever downloads first may have planned the album: go on with that plan. A rival worker, a cancel or a replay ends this
                // attempt; they also saw to it that the work goes on, if it should.
                await stream.RefreshAsync(cancellationToken);
                if (!stream.Album.IsWaitingForWork || stream.Album.Attempts != attempt)
                {
                    logger.AttemptOvertaken(stream.AlbumId, conflict.Message);
                    return;
                }
            }
        }
    }

    // Returns the events that end the attempt. Where nothing is left to pack they say in one append what was lost and that this is the end:
    // in between, somebody could plan the album anew.
    private async Task<IReadOnlyList<IAlbumEvent>> ZipAsync(
        AlbumStream stream, IObjectStorage metered, JobTurn turn, CancellationToken cancellationToken)
    {
        ZipPlan? plan;
        IReadOnlyList<IAlbumEvent> events;
        try
        {
            (plan, events) = stream.Album.Plan is { } frozen
                ? (await ZipPlan.LoadAsync(metered, frozen, cancellationToken), [])
                : await PlanAlbumHandler.MakeAsync(contents, store, metered, stream.AlbumId, stream.Album, clock, cancellationToken);
        }
        catch (CommandRefusedException refused)
        {
            return [new AlbumFailed(refused.Code, refused.Message, clock.GetUtcNow())];
        }

        var uploads = 0;
        while (plan is { } present)
        {
            await stream.AppendAsync(events, cancellationToken);
            events = [];
            if (FindSkip(stream.Album, present) is { } unwanted)
            {
                (plan, events) = await ReplanAsync(stream, metered, present, unwanted, cancellationToken);
                continue;
            }

            if (stream.Album.Upload is null)
            {
                await BeginUploadAsync(stream, metered, cancellationToken);
            }

            var volume = stream.Album.Volumes.Count + 1;
            try
            {
                var sources = new EntrySources(metered, urls);
                var earlier = await earlierZips.FindAsync(metered, stream.Album, present, cancellationToken);
                var finished = await new MultipartZip(metered, sources, stream, present, earlier, turn, buffers, clock).FinishAsync(cancellationToken);
                if (finished is null || volume == present.VolumeCount)
                {
                    return finished is null ? [new AttemptYielded(clock.GetUtcNow())] : Completed(stream.Album, present, finished);
                }

                events = [Closed(stream.Album, present, finished)];
            }
            catch (StorageException e) when (e.Error is StorageError.MultipartNotFound or StorageError.PartsRefused)
            {
                // Completed, and the process died before it could say so. Or expired. Or it holds parts of a longer plan from before
                // a file was lost, and this store (Ceph) refuses a completion that leaves parts out.
                if (e.Error is StorageError.MultipartNotFound
                    && await metered.HeadAsync(stream.Album.Upload!.Key, cancellationToken) is { } finished
                    && finished.SizeBytes == stream.Album.Plan!.SizeOf(volume))
                {
                    if (volume == present.VolumeCount)
                    {
                        return Completed(stream.Album, present, finished);
                    }

                    events = [Closed(stream.Album, present, finished)];
                    continue;
                }

                if (++uploads == MostUploads)
                {
                    throw;
                }

                var refused = new MultipartUpload(stream.Album.Upload!.Key, stream.Album.Upload.UploadId);
                await BeginUploadAsync(stream, metered, cancellationToken);
                await metered.AbortMultipartAsync(refused, cancellationToken);
            }
            catch (SourceLostException lost) when (!(lost.MayComeBack && stream.Album.WaitsForOtherServers))
            {
                if (stream.Album.Standing is { } standing && standing.Holds(present.Entries[lost.Entry]))
                {
                    return [new ReplayEnded("FILE_LOST", By: null, clock.GetUtcNow())]; // the ZIP that stands has more than the next would
                }

                (plan, events) = await ReplanAsync(stream, metered, present, lost, cancellationToken);
            }
        }

        return stream.Album.Standing is not null
            ? [new ReplayEnded("NOTHING_FOUND", By: null, clock.GetUtcNow())]
            : [.. events, new AlbumFailed("NO_FILES", "None of the album's files is in the store.", clock.GetUtcNow())];
    }

    // What is in a complete volume stays there.
    private static SourceLostException? FindSkip(Album album, ZipPlan plan)
    {
        var (first, _) = plan.EntriesOf(album.Volumes.Count + 1);
        for (var entry = first; entry < plan.Entries.Count && !album.SkipsRequested.IsEmpty; entry++)
        {
            if (album.SkipsRequested.Contains(plan.Entries[entry].Index))
            {
                return new SourceLostException(entry, "it was left out by hand");
            }
        }

        return null;
    }

    private async Task<(ZipPlan? Plan, IReadOnlyList<IAlbumEvent> Events)> ReplanAsync(
        AlbumStream stream, IObjectStorage metered, ZipPlan plan, SourceLostException lost, CancellationToken cancellationToken)
    {
        var entry = plan.Entries[lost.Entry];
        logger.FileLost(stream.AlbumId, entry.Index, lost.Reason);
        var skipped = new SkippedFile(entry.Index, entry.Name, lost.Reason, entry.Key);
        var events = new List<IAlbumEvent> { skipped.ToEvent() };
        if (plan.Entries.All(other => other == entry || other.Index < 0))
        {
            return (null, [.. events, new Replanned(FromPart: 1, FilesKept: 0)]);
        }

        var volume = stream.Album.Volumes.Count + 1;
        var before = new ZipLayout(plan, volume);
        var fromPart = before.PartAt(before.OffsetOf(lost.Entry));
        var (first, _) = plan.EntriesOf(volume);
        var filesKept = first + Enumerable.Range(first, lost.Entry - first).Count(other => before.PartAt(before.EndOf(other) - 1) < fromPart);
        var request = stream.Album.Request!;
        var shorter = plan.Without(lost.Entry, PlannedEntry.Missing([.. stream.Album.Skipped, skipped], request.At), request.MaxVolumeBytes);
        events.Add(new Replanned(fromPart, Math.Min(filesKept, stream.Album.FilesZipped)));
        events.Add(await PlanAlbumHandler.FreezeAsync(shorter, metered, stream.AlbumId, clock, cancellationToken));
        return (shorter, events);
    }

    private static async Task BeginUploadAsync(AlbumStream stream, IObjectStorage metered, CancellationToken cancellationToken)
    {
        var edition = stream.Album.EditionNumber is > 1 and var number ? $"{number}/" : "";
        var volume = stream.Album.Plan!.VolumeCount > 1 ? $"-{stream.Album.Volumes.Count + 1}" : ""; // how many there are may change yet
        var key = $"{AlbumContents.OwnFolder}{stream.AlbumId}/{edition}{stream.Album.Request!.WeddingId}{volume}.zip";
        var upload = await metered.BeginRebuildableMultipartAsync(key, "application/zip", cancellationToken);
        try
        {
            await stream.AppendAsync([new MultipartBegun(key, upload.Id)], cancellationToken);
        }
        catch (StreamConflictException)
        {
            await metered.AbortMultipartAsync(upload, cancellationToken);
            throw;
        }
    }

    private VolumeCompleted Closed(Album album, ZipPlan plan, StoredObject zip)
    {
        var number = album.Volumes.Count + 1;
        var (first, end) = plan.EntriesOf(number);
        return new VolumeCompleted(number, zip.Key, zip.SizeBytes, zip.ETag, end - first, clock.GetUtcNow());
    }

    private IReadOnlyList<IAlbumEvent> Completed(Album album, ZipPlan plan, StoredObject zip)
    {
        var now = clock.GetUtcNow();
        var files = album.Plan!.Entries - (album.Skipped.Count > 0 ? 1 : 0);
        var completed = new AlbumCompleted(
            album.Request!.WeddingId, zip.Key, zip.SizeBytes, zip.ETag, files, album.Skipped.Count, now, now + expiry.Keep);
        if (plan.VolumeStarts is null)
        {
            return [completed];
        }

        var last = Closed(album, plan, zip);
        AlbumVolume[] volumes = [.. album.Volumes.Add(last).Select(volume => volume.ToVolume())];
        return [last, completed with { Key = volumes[0].Key, ETag = volumes[0].ETag, SizeBytes = volumes.Sum(volume => volume.SizeBytes), Volumes = volumes }];
    }

    private static WorkMetered Metered(WorkMeter meter, Stopwatch watch) => new(
        meter.ClassAOperations, meter.ClassBOperations, meter.BytesIn, meter.BytesOut, watch.Elapsed.TotalSeconds, meter.BytesCopied);
}
