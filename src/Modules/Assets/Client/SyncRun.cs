using Assets.Images;
using Platform.Images;

namespace Assets.Client;

/// <summary>What the command line asks for.</summary>
internal sealed record SyncOptions
{
    public required string Folder { get; init; }

    public required string Site { get; init; }

    public string Environment { get; init; } = "production";

    /// <summary>Instead of a sync: a look at the store.</summary>
    public AuditSite? Audit { get; init; }

    /// <summary>Instead of a sync: the release to serve.</summary>
    public int? Activate { get; init; }

    public bool DryRun { get; init; }

    public bool Delete { get; init; }

    public bool AllowMassRemoval { get; init; }

    /// <summary>Also where the release that is served has these files: some may be missing in the store.</summary>
    public bool Full { get; init; }

    public bool Json { get; init; }

    public IReadOnlyList<string> Includes { get; init; } = [];

    public IReadOnlyList<string> Excludes { get; init; } = [];

    public string? CacheFile { get; init; }

    /// <summary>Where the manifest of the release goes, for a site that embeds addresses of its files.</summary>
    public string? ManifestFile { get; init; }
}

/// <param name="Release">The one that is served now; <see langword="null"/> after a dry run.</param>
/// <param name="UploadedObjects">By this run.</param>
/// <param name="Path">Where the API's host serves it.</param>
/// <param name="MadeImages">Pictures of which this run made others, by the environment's image rules.</param>
/// <param name="RefusedImages">Why nothing was made of a picture, a line each. It is served as it is.</param>
internal sealed record SyncResult(
    string Outcome,
    string Site,
    string Environment,
    int? Release,
    string? Path,
    int Files,
    long SizeBytes,
    int UnchangedFiles,
    int RemovedFiles,
    int UploadedObjects,
    long UploadedBytes,
    double Seconds,
    SyncCost? Cost,
    int MadeImages,
    IReadOnlyList<string> RefusedImages);

/// <summary>The folder cannot become a release.</summary>
internal sealed class FolderRefusedException(IReadOnlyList<string> problems) : Exception("The folder cannot become a release.")
{
    public IReadOnlyList<string> Problems { get; } = problems;
}

/// <summary>
/// Brings a folder to a site: hashes it, says what it holds, sends what is missing, commits. Nothing is served before the last step, and run
/// again after a crash it sends what is still missing.
/// </summary>
internal sealed class SyncRun(SiteApi api, ImageWorkers workers, SyncOptions options, SyncProgress progress, TimeProvider clock) : IDisposable
{
    // One answer with links is some 160 KB. While some batches are asked for or checked, others are on their way.
    private const int BatchSize = 200;
    private const int Batches = 4;
    private const int InFlight = 32;

    // A file that always changes while it is sent will not stop; an object that is always refused neither.
    private const int MostAttempts = 3;

    private static readonly TimeSpan PublishingPoll = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim places = new(InFlight);
    private int uploadedObjects;
    private long uploadedBytes;
    private Guid? started;
    private ImageRun images = new(ImageManifest.Empty, [], 0, 0);

    public void Dispose() => places.Dispose();

    public async Task<SyncResult> RunAsync(CancellationToken cancellationToken)
    {
        var startedAt = clock.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var result = await RunOnceAsync(startedAt, cancellationToken);
                await ReportAsync(startedAt, failure: null, cancellationToken);
                return result;
            }
            catch (FileChangedException e) when (attempt < MostAttempts)
            {
                progress.Say($"{e.Message} Once more from the beginning.");
            }
            catch (Exception e) when (e is FileChangedException or HttpRequestException or SiteApiException { Code: not "SYNC_SUPERSEDED" })
            {
                await ReportAsync(startedAt, e.Message, cancellationToken);
                throw;
            }
        }
    }

    // The site has what it has: a report that does not arrive changes nothing.
    private async Task ReportAsync(long startedAt, string? failure, CancellationToken cancellationToken)
    {
        if (started is not { } syncId)
        {
            return;
        }

        try
        {
            var seconds = Math.Round(clock.GetElapsedTime(startedAt).TotalSeconds, 3);
            await api.ReportAsync(syncId, new ReportSync(seconds, uploadedObjects, uploadedBytes, api.FailedUploads, failure), cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or SiteApiException)
        {
            progress.Say($"The run could not be reported: {e.Message}");
        }
    }

    private async Task<SyncResult> RunOnceAsync(long startedAt, CancellationToken cancellationToken)
    {
        // The answer comes while files are hashed. Of two failures the folder's is told.
        var asking = api.GetAsync(cancellationToken);
        var scanning = ScanAsync(cancellationToken);
        await Task.WhenAll(scanning, asking);
        var environment = (await asking).Environments.FirstOrDefault(found => found.Name == options.Environment);
        var scan = await scanning;
        if (environment?.ImageRules is { Count: > 0 } rules)
        {
            scan = [.. (await MakeImagesAsync(scan, rules, cancellationToken)).Concat(scan).DistinctBy(file => file.File.Path)];
        }

        var files = scan.Select(file => file.File).ToArray();
        if (!options.Full && environment is not null && Served(environment, ReleaseManifest.Of(files)) is { } served)
        {
            return served with { Seconds = Elapsed() };
        }

        var plan = await api.StartAsync(
            new StartSync(options.Environment, files, options.Delete, options.DryRun, options.AllowMassRemoval), cancellationToken);
        if (plan.SyncId is not { } syncId)
        {
            return Result(plan, plan.Release is null ? "dry-run" : "unchanged", plan.Release, null, Elapsed());
        }

        started = syncId;
        var byObject = scan.GroupBy(file => file.File.ObjectName, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First());
        await UploadAsync(syncId, plan.Missing, plan.MissingBytes, byObject, cancellationToken);
        var committed = await CommitAsync(syncId, byObject, cancellationToken);
        await WaitAsync(committed, cancellationToken);
        return Result(plan, "activated", committed.Release, committed.Path, Elapsed());

        double Elapsed() => Math.Round(clock.GetElapsedTime(startedAt).TotalSeconds, 3);
    }

    private async Task<IReadOnlyList<ScannedFile>> ScanAsync(CancellationToken cancellationToken)
    {
        var cache = await HashCache.OpenAsync(options.CacheFile ?? HashCache.DefaultFile(options.Folder), clock.GetUtcNow(), cancellationToken);
        progress.Begin("Hashing", null);
        var scan = await new FolderScan(options.Folder, new GlobFilter(options.Includes, options.Excludes), cache)
            .RunAsync(progress.Advance, cancellationToken);
        progress.End($"{scan.Files.Count} files, {scan.HashedBytes} bytes hashed.");
        await cache.SaveAsync(cancellationToken);
        return scan.Problems.Count == 0 ? scan.Files : throw new FolderRefusedException(scan.Problems);
    }

    // What is made goes to a folder of the cache: a build's folder stays as the build made it.
    private async Task<IEnumerable<ScannedFile>> MakeImagesAsync(
        IReadOnlyList<ScannedFile> scan, IReadOnlyList<SiteImageRule> rules, CancellationToken cancellationToken)
    {
        var folder = (options.CacheFile ?? HashCache.DefaultFile(options.Folder)) + ".images";
        progress.Begin("Making images", null);
        images = await new MakeImages(workers, folder, $"/{MakeImages.SyncFolder}/").RunAsync(scan, rules, progress.Advance, cancellationToken);
        progress.End($"{images.Made} images made, {images.Unchanged} unchanged, {images.Refused.Count} refused.");
        foreach (var line in images.Refused)
        {
            progress.Say(line);
        }

        return images.FilesIn(folder);
    }

    // One small question spares sending the manifest where nothing has changed.
    private SyncResult? Served(EnvironmentView environment, ReleaseManifest manifest) => environment.ManifestHash == manifest.Hash && environment.Prefix == environment.ReleasePrefix
        ? new SyncResult(
            "unchanged", options.Site, options.Environment, environment.Release, environment.Path, manifest.Files.Count, manifest.SizeBytes,
            manifest.Files.Count, 0, uploadedObjects, uploadedBytes, 0, null, images.Made, images.Refused)
        : null;

    private async Task UploadAsync(
        Guid syncId, IReadOnlyList<string> missing, long missingBytes, Dictionary<string, ScannedFile> files, CancellationToken cancellationToken)
    {
        progress.Begin("Sending", missing.Count);
        var batches = new ParallelOptions { MaxDegreeOfParallelism = Batches, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(missing.Chunk(BatchSize), batches, async (batch, cancel) =>
        {
            IReadOnlyList<string> left = batch;
            for (var attempt = 1; left.Count > 0; attempt++)
            {
                left = attempt > MostAttempts
                    ? throw new SiteApiException("OBJECT_MISMATCH", $"The store did not keep {left[0]} and {left.Count - 1} others as they were sent.", [])
                    : await SendAsync(syncId, left, files, cancel);
            }
        });
        progress.End($"{missing.Count} objects, {missingBytes} bytes sent.");
    }

    /// <returns>Those that the store does not have as they should be.</returns>
    private async Task<IReadOnlyList<string>> SendAsync(
        Guid syncId, IReadOnlyList<string> names, Dictionary<string, ScannedFile> files, CancellationToken cancellationToken)
    {
        var uploads = (await api.UploadsAsync(syncId, names, cancellationToken)).Uploads;
        var inFlight = new ParallelOptions { MaxDegreeOfParallelism = InFlight, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(uploads, inFlight, async (upload, cancel) =>
        {
            var file = files[upload.Object];
            await places.WaitAsync(cancel);
            try
            {
                await api.PutAsync(upload, file, cancel);
            }
            finally
            {
                places.Release();
            }

            Interlocked.Add(ref uploadedBytes, file.File.SizeBytes);
            progress.Advance(Interlocked.Increment(ref uploadedObjects));
        });
        string[] toCheck = [.. uploads.Where(upload => !SiteApi.GoesThroughApi(upload)).Select(upload => upload.Object)];
        return toCheck.Length == 0 ? [] : (await api.StoredAsync(syncId, toCheck, cancellationToken)).Refused;
    }

    private async Task<CommittedSync> CommitAsync(Guid syncId, Dictionary<string, ScannedFile> files, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await api.CommitAsync(syncId, cancellationToken);
            }
            catch (SiteApiException e) when (attempt < MostAttempts && e.Code == "SYNC_INCOMPLETE" && e.Missing.All(files.ContainsKey))
            {
                // Some were removed since the sync began, because no kept release had them.
                await UploadAsync(syncId, e.Missing, e.Missing.Sum(name => files[name].File.SizeBytes), files, cancellationToken);
            }
        }
    }

    // A copy for each file that changed: at most minutes. Whatever becomes of it, the release is made.
    private async Task WaitAsync(CommittedSync committed, CancellationToken cancellationToken)
    {
        for (var isUnderWay = committed.IsPublishing; isUnderWay;)
        {
            progress.Say($"Release {committed.Release} is being published.");
            await Task.Delay(PublishingPoll, clock, cancellationToken);
            var environment = (await api.GetAsync(cancellationToken)).Environments.First(found => found.Name == options.Environment);
            isUnderWay = environment.ReleaseUnderWay == committed.Release;
        }
    }

    private SyncResult Result(SyncPlan plan, string outcome, int? release, string? path, double seconds) => new(
        outcome, options.Site, options.Environment, release, path, plan.Files, plan.SizeBytes, plan.UnchangedFiles, plan.RemovedFiles,
        options.DryRun ? plan.Missing.Count : uploadedObjects, options.DryRun ? plan.MissingBytes : uploadedBytes, seconds, plan.Cost,
        images.Made, images.Refused);
}
