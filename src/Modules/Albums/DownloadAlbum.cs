using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Net.Http.Headers;
using Platform.Events;
using Platform.Storage;

namespace Albums;

/// <summary>Hands out a finished album, whole or from where a browser stopped.</summary>
internal static class DownloadAlbum
{
    private const int CopyBufferBytes = 256 * 1024;

    /// <summary>
    /// <c>GET|HEAD /v1/albums/{id}/download</c> with <c>Range</c> and <c>If-Range</c> (RFC 9110 §14). 200 or 206; 416 for a range
    /// outside; 404 <c>ALBUM_NOT_FOUND</c>, 409 <c>ALBUM_NOT_READY</c>, 410 <c>ALBUM_GONE</c> where the ZIP is not in the store any more.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapMethods("/{id:guid}/download", ["GET", "HEAD"], GetAsync);

    private static async Task GetAsync(Guid id, HttpContext http, EventStore store, IObjectStorage storage, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.OrGone(id);
        var zip = album.Completed
            ?? throw new CommandRefusedException("ALBUM_NOT_READY", "The album is not complete yet. Follow its progress and come back.");

        // The plan determines the bytes, so its hash is a strong validator that outlives the object in the store.
        var etag = new EntityTagHeaderValue($"\"{album.Plan!.PlanHash[..32]}\"");
        var request = http.Request.GetTypedHeaders();
        var headers = http.Response.GetTypedHeaders();
        headers.ETag = etag;
        headers.LastModified = zip.At;
        http.Response.Headers.AcceptRanges = "bytes";
        http.Response.ContentType = "application/zip";
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName($"{zip.WeddingId}.zip");
        headers.ContentDisposition = disposition;

        var range = WantedRange(request, etag, zip.At);
        var bytes = range is null ? new ByteRange(0, zip.SizeBytes) : Resolve(range, zip.SizeBytes);
        if (bytes is not { } wanted)
        {
            http.Response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
            http.Response.ContentType = null; // a problem document follows
            headers.ContentDisposition = null;
            headers.ContentRange = new ContentRangeHeaderValue(zip.SizeBytes);
            return;
        }

        if (range is not null)
        {
            http.Response.StatusCode = StatusCodes.Status206PartialContent;
            headers.ContentRange = new ContentRangeHeaderValue(wanted.OffsetBytes, wanted.EndBytes - 1, zip.SizeBytes);
        }

        http.Response.ContentLength = wanted.SizeBytes;
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await SendAsync(http, storage, zip.Key, zip.ETag, wanted, cancellationToken);
        }
    }

    private static async Task SendAsync(
        HttpContext http, IObjectStorage storage, string key, string etag, ByteRange range, CancellationToken cancellationToken)
    {
        // A paused browser is no slow-reading attacker: its download is resumed by range, or not at all.
        if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        try
        {
            await using var source = await storage.ReadAsync(key, range, etag, cancellationToken);
            await source.CopyToAsync(http.Response.Body, CopyBufferBytes, cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound or StorageError.PreconditionFailed)
        {
            http.Response.Clear();
            throw new CommandRefusedException("ALBUM_GONE", "The album's ZIP is not in the store any more. Request a new one.");
        }
    }

    // RFC 9110 §14.2: a Range that is not understood, or fails its If-Range, is ignored. Of several ranges none is served: legal, and
    // no download manager needs them.
    private static RangeItemHeaderValue? WantedRange(
        Microsoft.AspNetCore.Http.Headers.RequestHeaders request, EntityTagHeaderValue etag, DateTimeOffset modifiedAt)
    {
        if (request.Range is not { Ranges.Count: 1 } range || !range.Unit.Equals("bytes", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var holds = request.IfRange switch
        {
            null => true,
            { EntityTag: { } tag } => tag.Compare(etag, useStrongComparison: true),
            { LastModified: { } at } => at.ToUnixTimeSeconds() == modifiedAt.ToUnixTimeSeconds(),
            _ => false,
        };
        return holds ? range.Ranges.Single() : null;
    }

    private static ByteRange? Resolve(RangeItemHeaderValue range, long sizeBytes) => range switch
    {
        { From: { } from } when from >= sizeBytes => null,
        { From: { } from } => new ByteRange(from, Math.Min(range.To ?? long.MaxValue, sizeBytes - 1) - from + 1),
        { To: 0 } => null,
        { To: { } last } => new ByteRange(Math.Max(sizeBytes - last, 0), Math.Min(last, sizeBytes)), // the last so many bytes
        _ => null,
    };
}
