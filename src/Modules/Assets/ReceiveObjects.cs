using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Costs;
using Platform.Events;
using Platform.Storage;

namespace Assets;

/// <summary>Objects of a sync, by name. At most <see cref="ReceiveObjectsHandler.MostObjects"/> at a time.</summary>
internal sealed record ObjectNames(IReadOnlyList<string> Objects);

/// <param name="Url">At the store; or relative to this API, and then with its authorisation.</param>
/// <param name="Headers">To be sent exactly so.</param>
internal sealed record ObjectUpload(string Object, string Url, IReadOnlyDictionary<string, string> Headers);

internal sealed record ObjectUploads(IReadOnlyList<ObjectUpload> Uploads);

/// <param name="Refused">Those that are not there, or have other bytes than their name says: they have to be sent again.</param>
internal sealed record StoredObjects(IReadOnlyList<string> Refused);

/// <summary>
/// Takes the objects of a sync: straight into the store where it gives links, else through this process, which checks them as they come. A link
/// takes one SHA-256, and the build server withholds the end of other bytes; a few objects of each batch are looked at, and all where one of them is wrong.
/// </summary>
internal sealed class ReceiveObjectsHandler(EventStore store, IObjectStorage storage, SiteObjects manifests, ObjectIndex index, UsageLedger usage)
{
    internal const int MostObjects = 1000;

    private const int ChecksAtOnce = 16;

    // A look at each object would double the requests of a sync. What a store loses an audit finds, and who lies about an object harms its own site.
    private const int LooksAtOneIn = 100;

    // Long enough for 5 GiB on a slow line; a new one can be asked for.
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(6);

    /// <summary>
    /// <c>POST /v1/sites/{site}/syncs/{id}/uploads</c>: where to PUT objects. <c>PUT …/syncs/{id}/objects/{name}</c>: 204, or 400
    /// <c>OBJECT_MISMATCH</c>. <c>POST …/syncs/{id}/stored</c>: checks what was put at the store. All: 404 <c>SYNC_NOT_FOUND</c>,
    /// <c>OBJECT_NOT_IN_SYNC</c>; 409 <c>SYNC_SUPERSEDED</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites)
    {
        sites.MapPost(
            "/{site}/syncs/{id}/uploads",
            async Task<Ok<ObjectUploads>> (string site, Guid id, ObjectNames names, ReceiveObjectsHandler handler, CancellationToken cancellationToken) =>
                TypedResults.Ok(await handler.UploadsAsync(site, id, names.Objects, cancellationToken)));
        sites.MapPut(
            "/{site}/syncs/{id}/objects/{name}",
            async Task<NoContent> (string site, Guid id, string name, HttpRequest request, ReceiveObjectsHandler handler, CancellationToken cancellationToken) =>
            {
                await handler.PutAsync(site, id, name, request.Body, cancellationToken);
                return TypedResults.NoContent();
            }).WithMetadata(new DisableRequestSizeLimitAttribute());
        sites.MapPost(
            "/{site}/syncs/{id}/stored",
            async Task<Ok<StoredObjects>> (string site, Guid id, ObjectNames names, ReceiveObjectsHandler handler, CancellationToken cancellationToken) =>
                TypedResults.Ok(await handler.CheckAsync(site, id, names.Objects, cancellationToken)));
    }

    /// <summary>How many of so many objects are looked at.</summary>
    internal static int SampleOf(int objects) => (objects + LooksAtOneIn - 1) / LooksAtOneIn;

    private async Task<ObjectUploads> UploadsAsync(string site, Guid syncId, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var (area, files) = await FilesAsync(site, syncId, names, cancellationToken);
        return new ObjectUploads([.. files.Select(file => UploadOf(site, area, syncId, file))]);
    }

    private async Task PutAsync(string site, Guid syncId, string name, Stream bytes, CancellationToken cancellationToken)
    {
        var (area, files) = await FilesAsync(site, syncId, [name], cancellationToken);
        var file = files[0];
        await using var body = new HashedBody(bytes, file.Sha256, file.SizeBytes);
        try
        {
            await storage.PutAsync(SiteObjects.ObjectKey(area, name), body, file.SizeBytes, file.ContentType, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.BodySizeMismatch)
        {
            throw HashedBody.Mismatch();
        }

        if (await index.AddAsync(area, [(name, file.SizeBytes)], cancellationToken) is not [])
        {
            throw new CommandRefusedException("OBJECT_BUSY", "An old object of this name is just being removed. Send it again.")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            };
        }
    }

    private async Task<StoredObjects> CheckAsync(string site, Guid syncId, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var (area, files) = await FilesAsync(site, syncId, names, cancellationToken);
        Random.Shared.Shuffle(files);
        var sample = SampleOf(files.Length);
        var refused = await WrongAsync(area, files.Take(sample), cancellationToken);
        if (refused.Count > 0)
        {
            refused = [.. refused, .. await WrongAsync(area, files.Skip(sample), cancellationToken)];
        }

        (string Name, long SizeBytes)[] stored =
            [.. files.Select(file => (file.ObjectName, file.SizeBytes)).ExceptBy(refused, file => file.ObjectName)];

        // Put at the store itself, which tells nobody: this is where this process hears of them.
        usage.Add(SiteObjects.AccountOf(site), new Usage(ClassAOperations: stored.Length, BytesIn: stored.Sum(item => item.SizeBytes)));
        return new StoredObjects([.. refused, .. await index.AddAsync(area, stored, cancellationToken)]);
    }

    private async Task<IReadOnlyCollection<string>> WrongAsync(string area, IEnumerable<AssetFile> files, CancellationToken cancellationToken)
    {
        var wrong = new ConcurrentBag<string>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = ChecksAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(files, options, async (file, cancel) =>
        {
            if (!await IsStoredAsync(area, file, cancel))
            {
                wrong.Add(file.ObjectName);
            }
        });
        return wrong;
    }

    private async Task<(string Area, AssetFile[] Files)> FilesAsync(
        string site, Guid syncId, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        if (names.Count > MostObjects)
        {
            throw new CommandRefusedException("INVALID_REQUEST", $"At most {MostObjects} objects at a time.");
        }

        var sync = (await store.FoldAsync<Site, ISiteEvent>(site, cancellationToken)).State.SyncOf(syncId);
        var manifest = await manifests.ReadAsync(site, sync.ManifestHash, cancellationToken);
        return (
            SiteObjects.AreaOf(site, sync.Prefix),
            [.. names.Distinct().Select(name => manifest.Objects.GetValueOrDefault(name)
                ?? throw new CommandRefusedException("OBJECT_NOT_IN_SYNC", "No file of this sync has an object of that name."))]);
    }

    private ObjectUpload UploadOf(string site, string area, Guid syncId, AssetFile file)
    {
        var put = storage.PresignPut(
            SiteObjects.ObjectKey(area, file.ObjectName),
            new ObjectHeaders(file.ContentType, CacheRules.ForEver),
            Convert.FromHexString(file.Sha256),
            LinkLifetime);
        return put is null
            ? new ObjectUpload(file.ObjectName, $"/v1/sites/{site}/syncs/{syncId}/objects/{file.ObjectName}", new Dictionary<string, string>())
            : new ObjectUpload(file.ObjectName, put.Url.AbsoluteUri, put.Headers);
    }

    /// <summary>A store that checked the SHA-256 says so; of another the object is read.</summary>
    private async Task<bool> IsStoredAsync(string area, AssetFile file, CancellationToken cancellationToken)
    {
        var key = SiteObjects.ObjectKey(area, file.ObjectName);
        var stored = await storage.HeadAsync(key, cancellationToken);
        if (stored is null || stored.SizeBytes != file.SizeBytes || stored.Sha256 is not null)
        {
            return stored?.SizeBytes == file.SizeBytes && stored.Sha256 == file.Sha256;
        }

        await using var body = await storage.ReadAsync(key, null, stored.ETag, cancellationToken);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(body, cancellationToken)) == file.Sha256;
    }
}
