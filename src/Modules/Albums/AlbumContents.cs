using Albums.Sources;
using Albums.Zip;
using Npgsql;
using Platform.Costs;
using Platform.Events;
using Platform.Storage;

namespace Albums;

/// <summary>
/// What an album is made of. Decides once what goes into its ZIP: looks at every object before the first byte is packed, so that a missing file costs a line
/// in <c>_MISSING.txt</c> and not the album.
/// </summary>
internal sealed class AlbumContents(
    NpgsqlDataSource database, EventStore store, Subscriptions subscriptions, IObjectStorage bucket, UrlSource urls)
{
    /// <summary>Most files an album may have: more are refused, never left out silently.</summary>
    internal const int MostFiles = 100_000;

    internal static readonly string TooManyFiles = $"There are more than {MostFiles:N0} files. Ask for fewer of them, by prefix or by key.";

    /// <summary>Where plans and finished ZIPs stand.</summary>
    internal const string OwnFolder = "albums/";

    private const int LooksAtATime = 16;

    /// <summary>Whom work on a plan or ZIP is for, where nobody says it.</summary>
    internal static UsageAccount OwnerOf(string key) =>
        new("albums", AlbumId: key.Split('/') is [_, var album, ..] && Guid.TryParse(album, out var id) ? id : null);

    // Somebody waits for the answer. A subscription that runs is behind by milliseconds.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <param name="patient">A server of others that is out of order fails this attempt, and not only the files it has.</param>
    /// <returns>The plan and what is not in it; no plan where nothing is left to pack.</returns>
    /// <exception cref="CommandRefusedException"><c>TOO_MANY_FILES</c></exception>
    internal async Task<(ZipPlan? Plan, IReadOnlyList<SkippedFile> Skipped)> PlanAsync(
        IObjectStorage storage, Guid albumId, AlbumRequested request, bool patient, CancellationToken cancellationToken)
    {
        await WaitForUploadsBeforeAsync(albumId, cancellationToken);
        var candidates = request switch
        {
            { Files.Count: > 0 } => await LookUpAsync(storage, await OfFilesAsync(request.Files, cancellationToken), patient, cancellationToken),
            { Prefix: { } prefix } => await ListAsync(storage, prefix, cancellationToken),
            _ => await LookUpAsync(storage, await OfWeddingAsync(request.WeddingId, cancellationToken), patient, cancellationToken),
        };
        return Freeze(request, [], candidates);
    }

    /// <summary>Plans the next edition: what the one before holds stays, and of the files that it lacks those come in that are there by now.</summary>
    /// <returns>As above; no plan where none of them is.</returns>
    internal async Task<(ZipPlan? Plan, IReadOnlyList<SkippedFile> Skipped)> PlanAsync(
        IObjectStorage storage, Album album, Edition edition, IReadOnlyList<PlannedEntry> held, CancellationToken cancellationToken)
    {
        var request = album.Request!;
        var known = edition.Skipped.ToLookup(file => file.Key is not null || request.Files.Count > 0); // older editions may lack keys
        var wanted = await OfFilesAsync([.. known[true].Select(file => file.AsRequested(request))], cancellationToken);
        var candidates = await LookUpAsync(
            storage, [.. wanted.Zip(known[true], (file, skipped) => file with { Index = skipped.Index })], album.WaitsForOtherServers, cancellationToken);
        return Freeze(request, held, [.. candidates, .. known[false].Select(file => new Candidate(file.Index, file.Name) { Failure = file.Reason })]);
    }

    private static (ZipPlan? Plan, IReadOnlyList<SkippedFile> Skipped) Freeze(
        AlbumRequested request, IReadOnlyList<PlannedEntry> held, List<Candidate> candidates)
    {
        var skipped = candidates.Where(file => file.Missing is not null).Select(file => new SkippedFile(file.Index, file.Name, file.Missing!, file.Key)).ToList();
        var found = candidates.Where(file => file.Missing is null).ToList();
        if (found.Count == 0)
        {
            return (null, skipped);
        }

        string[] reserved = [PlannedEntry.MissingName, .. held.Select(entry => entry.Name)];
        var names = EntryNames.Unique([.. reserved, .. found.Select(file => file.Name)]);
        var entries = found.Zip(names.Skip(reserved.Length), (file, name) => file.ToEntry(name, request.At));
        var missing = skipped.Count == 0 ? null : PlannedEntry.Missing(skipped, request.At);
        return (ZipPlan.Freeze(held.Concat(entries).OrderBy(entry => entry.Index), missing, request.MaxVolumeBytes), skipped);
    }

    /// <summary>Whether nothing is there to pack. Files that were named are looked at only when the album is planned.</summary>
    internal async Task<bool> IsEmptyAsync(AlbumRequested request, CancellationToken cancellationToken)
    {
        if (request.Files.Count > 0)
        {
            return false;
        }

        if (request.Prefix is { } prefix)
        {
            return (await bucket.ListAsync(prefix, continuation: null, cancellationToken)).Objects.Count == 0;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestWait);
        try
        {
            await subscriptions.CatchUpAsync(AlbumsProjection.SubscriptionName, patience.Token);
        }
        catch (Exception e) when (e is SubscriptionStoppedException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false; // no worker follows the log at the moment: the one that plans the album will see
        }

        await using var query = database.CreateCommand("select exists (select from albums.wedding_file where wedding_id = $1)");
        query.Parameters.Add(new() { Value = request.WeddingId });
        return await query.ExecuteScalarAsync(cancellationToken) is false;
    }

    // The read model follows the log. Uploads completed before the album was requested stand before its first event.
    private async Task WaitForUploadsBeforeAsync(Guid albumId, CancellationToken cancellationToken)
    {
        await foreach (var requested in store.ReadAsync($"{Album.Category}-{albumId}", fromVersion: 1, cancellationToken))
        {
            await subscriptions.WaitForAsync(AlbumsProjection.SubscriptionName, requested.Position, cancellationToken);
            return;
        }
    }

    private async Task<List<Candidate>> LookUpAsync(
        IObjectStorage storage, List<Candidate> wanted, bool patient, CancellationToken cancellationToken)
    {
        var stored = await ObjectSurvey.FindAsync(storage, wanted.Select(file => file.Key).OfType<string>(), cancellationToken);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, wanted.Count),
            new ParallelOptions { MaxDegreeOfParallelism = LooksAtATime, CancellationToken = cancellationToken },
            async (i, cancel) => wanted[i] = wanted[i].Url is { } url
                ? await LookAsync(wanted[i], url, patient, cancel)
                : wanted[i] with { Stored = stored.GetValueOrDefault(wanted[i].Key!) });
        return wanted;
    }

    private async Task<Candidate> LookAsync(Candidate wanted, string url, bool patient, CancellationToken cancellationToken)
    {
        try
        {
            return wanted.At(await urls.LookAsync(url, cancellationToken));
        }
        catch (UrlFailedException e) when (!(e.MayComeBack && patient))
        {
            return wanted with { Failure = e.Message };
        }
    }

    private static async Task<List<Candidate>> ListAsync(IObjectStorage storage, string prefix, CancellationToken cancellationToken)
    {
        var found = new List<Candidate>();
        var nameAt = prefix.LastIndexOf('/') + 1;
        string? continuation = null;
        do
        {
            var page = await storage.ListAsync(prefix, continuation, cancellationToken);
            foreach (var stored in page.Objects.Where(stored => !stored.Key.EndsWith('/'))) // folders, as some tools mark them
            {
                found.Add(new Candidate(found.Count, stored.Key[nameAt..]) { Key = stored.Key, Stored = stored });
            }

            continuation = page.Continuation;
        }
        while (continuation is not null && found.Count <= MostFiles);
        return NotTooMany(found);
    }

    // Names and CRCs of files that came through Uploads; other keys of the bucket are welcome too.
    private async Task<List<Candidate>> OfFilesAsync(IReadOnlyList<RequestedFile> files, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select key, name, etag, crc32 from albums.wedding_file where key = any($1)");
        query.Parameters.Add(new() { Value = files.Select(file => file.Key).OfType<string>().Distinct().ToArray() });
        var known = new Dictionary<string, (string Name, KnownCrc Crc)>(StringComparer.Ordinal);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            known.Add(rows.GetString(0), (rows.GetString(1), new KnownCrc(rows.GetString(2), (uint)rows.GetInt64(3))));
        }

        return [.. files.Select((file, index) => file switch
        {
            { Url: { } url } => Candidate.OfUrl(index, url, file.Name),
            { Key: { } key } when known.TryGetValue(key, out var upload) =>
                new Candidate(index, file.Name ?? upload.Name) { Key = key, Known = upload.Crc },
            _ => new Candidate(index, file.Name ?? file.Key!.Split('/')[^1]) { Key = file.Key },
        })];
    }

    private async Task<List<Candidate>> OfWeddingAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select key, name, etag, crc32 from albums.wedding_file where wedding_id = $1 order by uploaded_at, key limit $2");
        query.Parameters.Add(new() { Value = weddingId });
        query.Parameters.Add(new() { Value = MostFiles + 1 });
        var files = new List<Candidate>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            files.Add(new Candidate(files.Count, rows.GetString(1))
            {
                Key = rows.GetString(0),
                Known = new KnownCrc(rows.GetString(2), (uint)rows.GetInt64(3)),
            });
        }

        return NotTooMany(files);
    }

    private static List<Candidate> NotTooMany(List<Candidate> files) => files.Count <= MostFiles
        ? files
        : throw new CommandRefusedException("TOO_MANY_FILES", TooManyFiles);
}
