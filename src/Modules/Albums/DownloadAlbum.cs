using Albums.Contracts;
using Albums.Sources;
using Albums.Zip;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Net.Http.Headers;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Hands out an album, whole or from where a browser stopped: from the moment it is requested where the CRCs of its files are known, made of
/// the plan and the files; once it is complete, from the store. Both are the same bytes under the same ETag. Of an album of several volumes each is
/// handed out so.
/// </summary>
internal sealed class DownloadAlbum(
    EventStore store,
    IObjectStorage storage,
    UrlSource urls,
    PlanAlbumHandler planning,
    VirtualZips zips,
    AlbumOptions options,
    UsageLedger usage,
    TimeProvider clock)
{
    // Proxies and people give up after a minute. The job plans in its own time.
    private static readonly TimeSpan LongestPlanning = TimeSpan.FromSeconds(20);

    // The download has to begin within it; each resumption asks here again.
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(1);

    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(30);

    /// <summary>
    /// <c>GET|HEAD /v1/albums/{id}/download?volume=1</c>, or a link's <c>/download/{token}</c>, with <c>Range</c> and conditions (RFC 9110 §13, §14).
    /// 200, 206, 304, or 307 to the store; 412; 416 for a range outside; 404 <c>ALBUM_NOT_FOUND</c>, <c>VOLUME_NOT_FOUND</c>; 409 <c>ALBUM_NOT_READY</c>,
    /// <c>ALBUM_CANCELLED</c>; 410 <c>ALBUM_GONE</c> where neither the ZIP nor all of its files are in the store any more.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums)
    {
        albums.MapMethods(
            "/{id}/download",
            ["GET", "HEAD"],
            (Guid id, HttpContext http, DownloadAlbum download, CancellationToken cancellationToken, int volume = 1) =>
                download.GetAsync(id, volume, http, cancellationToken));
        albums.MapMethods("/{id}/download/{token}", ["GET", "HEAD"], GetByLinkAsync)
            .OpenToAll("the address ends with the credential: a link from a mail");
    }

    private static async Task GetByLinkAsync(
        Guid id, string token, HttpContext http, EventStore store, DownloadAlbum download, CancellationToken cancellationToken, int volume = 1)
    {
        await AlbumLinks.DemandAsync(store, id, token, cancellationToken);
        await download.GetAsync(id, volume, http, cancellationToken);
    }

    private async Task GetAsync(Guid id, int volume, HttpContext http, CancellationToken cancellationToken)
    {
        var album = await PlannedAsync(id, cancellationToken);
        using var charged = usage.Charge(album.AccountOf(id));
        if (AlbumOffer.Of(id, album, volume) is not { } offer)
        {
            throw album.Status is AlbumStatus.Cancelled
                ? new CommandRefusedException("ALBUM_CANCELLED", "The album was cancelled. Request a new one.")
                : NotReady(id, album, "The album is not complete yet. Follow its progress and come back.");
        }

        var etag = new EntityTagHeaderValue(offer.ETag);
        var request = http.Request.GetTypedHeaders();
        var asked = ConditionalRange.Of(request, etag, offer.SizeBytes);
        Describe(http.Response, offer, etag, asked);
        if (asked.StatusCode is not (StatusCodes.Status200OK or StatusCodes.Status206PartialContent))
        {
            return;
        }

        // A browser that began here resumes here: the store would not know its ETag.
        var resumes = request.IfRange?.EntityTag is { } tag && tag.Compare(etag, useStrongComparison: true);
        if (options.RedirectsDownloads && !resumes && HttpMethods.IsGet(http.Request.Method) && await LinkAsync(offer, cancellationToken) is { } link)
        {
            usage.Add(album.AccountOf(id), new Usage(ClassBOperations: 1, BytesOut: asked.Bytes.SizeBytes)); // of which only the store hears more
            http.Response.Clear();
            http.Response.Headers.CacheControl = "no-store";
            http.Response.Headers.Location = link.AbsoluteUri;
            http.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
            return;
        }

        // A paused browser is no slow-reading attacker: its download is resumed by range, or not at all.
        if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        await SendAsync(offer, asked.Bytes, http, cancellationToken);
    }

    private async Task<Album> PlannedAsync(Guid id, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.OrGone(id);
        if (album.IsDownloadable || !album.IsWaitingForPlan)
        {
            return album;
        }

        using var patience = new CancellationTokenSource(LongestPlanning, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return (await planning.PlanAsync(new PlanAlbum(id), either.Token)).OrGone(id);
        }
        catch (Exception e) when (e is SubscriptionStoppedException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return album; // nobody follows the log at the moment, or there are too many files for a request
        }
    }

    private static void Describe(HttpResponse response, AlbumOffer offer, EntityTagHeaderValue etag, ConditionalRange asked)
    {
        var headers = response.GetTypedHeaders();
        headers.ETag = etag;
        response.StatusCode = asked.StatusCode;
        response.Headers.AcceptRanges = "bytes";
        response.Headers.CacheControl = "private, no-transform"; // an ETag is of these bytes, not of those some proxy compresses
        if (asked.StatusCode is StatusCodes.Status416RangeNotSatisfiable)
        {
            headers.ContentRange = new ContentRangeHeaderValue(offer.SizeBytes);
        }

        if (asked.StatusCode is not (StatusCodes.Status200OK or StatusCodes.Status206PartialContent))
        {
            return;
        }

        if (asked.StatusCode is StatusCodes.Status206PartialContent)
        {
            headers.ContentRange = new ContentRangeHeaderValue(asked.Bytes.OffsetBytes, asked.Bytes.EndBytes - 1, offer.SizeBytes);
        }

        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(offer.FileName);
        headers.ContentDisposition = disposition;
        response.ContentType = "application/zip";
        response.ContentLength = asked.Bytes.SizeBytes;
    }

    private async Task SendAsync(AlbumOffer offer, ByteRange range, HttpContext http, CancellationToken cancellationToken)
    {
        var isHead = HttpMethods.IsHead(http.Request.Method);
        if (offer.Stored is { } zip && await OpenStoredAsync(zip, range, cancellationToken) is { } stored)
        {
            await using (stored)
            {
                await (isHead ? Task.CompletedTask : stored.CopyToPipeAsync(http.Response.BodyWriter, cancellationToken));
            }
        }
        else
        {
            await using var made = await OpenVirtualAsync(offer, range, cancellationToken);
            try
            {
                await (isHead ? Task.CompletedTask : made.CopyToAsync(http.Response.BodyWriter, cancellationToken));
            }
            catch (SourceLostException lost)
            {
                await RecordAsync(offer, lost, cancellationToken);
                http.Abort(); // what came before is right, and of the rest nobody is given a byte
            }
        }
    }

    private async Task<Stream?> OpenStoredAsync(AlbumVolume zip, ByteRange range, CancellationToken cancellationToken)
    {
        try
        {
            return await storage.ReadAsync(zip.Key, range, zip.ETag, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound or StorageError.PreconditionFailed)
        {
            return null; // somebody deleted it, or a power failure took it: the files may still be there
        }
    }

    private async Task<ZipRange> OpenVirtualAsync(AlbumOffer offer, ByteRange range, CancellationToken cancellationToken)
    {
        if (!offer.Album.IsDownloadable)
        {
            throw Lost(offer); // a volume that was stored while CRCs of later ones are not known
        }

        try
        {
            var all = await zips.GetAsync(offer.AlbumId, offer.Plan, cancellationToken);
            return await all[offer.Volume - 1].OpenAsync(range, new EntrySources(storage, urls), clock, cancellationToken);
        }
        catch (SourceLostException lost) when (lost.MayComeBack)
        {
            throw new StorageException(StorageError.Unavailable, lost.Message, lost);
        }
        catch (SourceLostException lost)
        {
            await RecordAsync(offer, lost, cancellationToken);
            throw Lost(offer);
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound)
        {
            throw Lost(offer);
        }
    }

    // The job finds out by itself: it packs the album without the file. Who reads its log sees why a guest had to begin again.
    private async Task RecordAsync(AlbumOffer offer, SourceLostException lost, CancellationToken cancellationToken)
    {
        if (!lost.MayComeBack)
        {
            var name = (await zips.GetAsync(offer.AlbumId, offer.Plan, cancellationToken))[0].NameOf(lost.Entry);
            var broken = new DownloadBroken(offer.Plan.PlanHash, lost.Entry, name, lost.Reason, clock.GetUtcNow());
            await store.DecideAsync<Album, IAlbumEvent>(offer.AlbumId, album => Decide(album, broken), cancellationToken);
        }
    }

    /// <summary>Once for a file, however many downloads break off at it.</summary>
    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, DownloadBroken broken) =>
        album.LeavesNothing || album.OfferedPlan?.PlanHash != broken.PlanHash || album.DownloadsBroken.Contains((broken.PlanHash, broken.Entry)) ? [] : [broken];

    private CommandRefusedException Lost(AlbumOffer offer) => offer.Stored is null
        ? NotReady(offer.AlbumId, offer.Album, "A file of the album was lost. The album is being packed without it.")
        : new CommandRefusedException("ALBUM_GONE", "The album's ZIP is not in the store any more. Request a new one.");

    private async Task<Uri?> LinkAsync(AlbumOffer offer, CancellationToken cancellationToken) =>
        offer.Stored is { } zip
        && storage.PresignDownload(zip.Key, LinkLifetime, offer.FileName) is { } link
        && (await storage.HeadAsync(zip.Key, cancellationToken))?.ETag == zip.ETag
            ? link
            : null;

    private CommandRefusedException NotReady(Guid id, Album album, string detail)
    {
        var view = AlbumView.Of(id, album, clock.GetUtcNow());
        return new CommandRefusedException("ALBUM_NOT_READY", detail)
        {
            Members = new Dictionary<string, object?> { ["album"] = view },
            RetryAfter = album.IsWaitingForWork
                ? TimeSpan.FromSeconds(Math.Clamp(view.SecondsLeft ?? 5, 1, LongestRetryAfter.TotalSeconds))
                : null,
        };
    }
}
