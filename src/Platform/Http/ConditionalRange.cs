using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;
using Platform.Storage;

namespace Platform.Http;

/// <summary>
/// What the conditions and the range of a GET or HEAD come to, by RFC 9110 §13.2.2 and §14.2, for a representation that has a strong ETag and no
/// modification date. Dates decide nothing: a second is too coarse to tell two plans of an album apart.
/// </summary>
/// <param name="StatusCode">200, 206, 304, 412 or 416.</param>
/// <param name="Bytes">What to send, where it is 200 or 206.</param>
public readonly record struct ConditionalRange(int StatusCode, ByteRange Bytes)
{
    public static ConditionalRange Of(RequestHeaders request, EntityTagHeaderValue etag, long sizeBytes)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(etag);

        // Presence decides, not what could be read of the header: of nothing readable, nothing matches.
        if (request.Headers.IfMatch.Count > 0 && !Names(request.IfMatch, etag, strongly: true))
        {
            return new(StatusCodes.Status412PreconditionFailed, default);
        }

        if (Names(request.IfNoneMatch, etag, strongly: false))
        {
            return new(StatusCodes.Status304NotModified, default);
        }

        return Wanted(request, etag) is not { } range ? new(StatusCodes.Status200OK, new ByteRange(0, sizeBytes))
            : Within(range, sizeBytes) is { } bytes ? new(StatusCodes.Status206PartialContent, bytes)
            : new(StatusCodes.Status416RangeNotSatisfiable, default);
    }

    private static bool Names(IList<EntityTagHeaderValue> tags, EntityTagHeaderValue etag, bool strongly) =>
        tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(etag, strongly));

    // §14.2: a Range that is not understood, or fails its If-Range, is ignored. Of several ranges none is served: legal, and no download
    // manager needs them.
    private static RangeItemHeaderValue? Wanted(RequestHeaders request, EntityTagHeaderValue etag) =>
        request.Range is { Ranges.Count: 1 } range
        && range.Unit.Equals("bytes", StringComparison.OrdinalIgnoreCase)
        && (request.Headers.IfRange.Count == 0 || request.IfRange?.EntityTag?.Compare(etag, useStrongComparison: true) == true)
            ? range.Ranges.Single()
            : null;

    private static ByteRange? Within(RangeItemHeaderValue range, long sizeBytes) => range switch
    {
        { From: { } from } when from >= sizeBytes => null,
        { From: { } from } => new ByteRange(from, Math.Min(range.To ?? long.MaxValue, sizeBytes - 1) - from + 1),
        { To: > 0 and { } last } => new ByteRange(Math.Max(sizeBytes - last, 0), Math.Min(last, sizeBytes)), // the last so many bytes
        _ => null,
    };
}
