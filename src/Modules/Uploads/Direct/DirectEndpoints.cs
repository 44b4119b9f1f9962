using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Uppy's <c>@uppy/aws-s3</c> with <c>companionEndpoint</c> <c>…/v1</c> and <c>shouldUseMultipart: true</c>: the requests it sends to a Companion
/// server (https://uppy.io/docs/aws-s3/), in the shapes it expects. On stores without links a part's link is one to this server.
/// </summary>
internal static class DirectEndpoints
{
    private const string Path = "/v1/s3/multipart";

    /// <summary>Uppy asks for one at a time; links to all parts of a film need not be in one answer.</summary>
    private const int MaxLinks = 1000;

    /// <summary>
    /// <c>POST /v1/s3/multipart</c>: 200, or the refusals of <c>POST /v1/uploads/init</c>. <c>GET …/{id}</c>: the parts that are there.
    /// <c>GET …/{id}/{number}?crc32=</c> and <c>…/{id}/batch?partNumbers=1,2</c>: links. <c>POST …/{id}/complete</c>: 200, or 409 <c>MISSING_PARTS</c>,
    /// <c>ETAG_MISMATCH</c>, 415 <c>CONTENT_TYPE_MISMATCH</c>. <c>DELETE …/{id}</c>: 204. Uppy's <c>key</c> is ignored: the id names the upload.
    /// </summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var uploads = endpoints.MapGroup(Path).WithTags("Uploads")
            .RequireScope(Scopes.Uploads, alwaysChanges: true)
            .AddEndpointFilter<RouteGroupBuilder, UploadDoor>();
        uploads.MapPost("/", CreateAsync);
        uploads.MapGet("/{id}", ListAsync);
        uploads.MapGet("/{id}/{number:int}", SignAsync);
        uploads.MapGet("/{id}/batch", SignBatchAsync);
        uploads.MapPost("/{id}/complete", CompleteAsync);
        uploads.MapDelete("/{id}", AbortUploadHandler.DeleteAsync);
        endpoints.MapPut($"{Path}/{{id}}/{{number:int}}", PutAsync)
            .WithMetadata(new DisableRequestSizeLimitAttribute())
            .OpenToAll("whoever has its link was given it for this part, as by a store; it ends by itself");
    }

    private static async Task<Ok<CreatedMultipart>> CreateAsync(
        CreateMultipart command, HttpRequest request, DirectUploads uploads, CancellationToken cancellationToken)
    {
        var file = DirectUploads.Describe(command);
        UploadDoor.Demand(request.HttpContext.User, file.WeddingId, file.UserId);
        var session = await uploads.CreateAsync(
            file, DirectUploads.HasChecksums(command), InitiateUploadHandler.IsProxied(request), cancellationToken);
        var plan = new PartPlan(session.SizeBytes, session.ChunkSizeBytes);
        return TypedResults.Ok(new CreatedMultipart(session.UploadId, session.Key, session.ChunkSizeBytes, plan.TotalChunks, session.ExpiresAt));
    }

    private static async Task<Ok<IReadOnlyList<MultipartPart>>> ListAsync(string id, DirectUploads uploads, CancellationToken cancellationToken) =>
        TypedResults.Ok(await uploads.ListAsync(UploadErrors.ParseId(id), cancellationToken));

    private static async Task<Ok<SignedPart>> SignAsync(
        string id, int number, string? crc32, HttpRequest request, DirectUploads uploads, OwnLinks links, CancellationToken cancellationToken)
    {
        uint? checksum = string.IsNullOrEmpty(crc32) ? null : ChunkChecksums.ParseCrc32(crc32);
        var signed = await uploads.SignAsync(UploadErrors.ParseId(id), [number], checksum, links.For(request, Path), cancellationToken);
        var headers = new Dictionary<string, string>();
        if (checksum is { } promised)
        {
            headers.Add(StoredPart.Crc32Header, StoredPart.TextOf(promised));
        }

        return TypedResults.Ok(new SignedPart(signed.PresignedUrls[number], HttpMethods.Put, headers, signed.ExpiresAt));
    }

    private static async Task<Ok<SignedParts>> SignBatchAsync(
        string id, string? partNumbers, HttpRequest request, DirectUploads uploads, OwnLinks links, CancellationToken cancellationToken)
    {
        var numbers = (partNumbers ?? "").Split(',').Select(text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Malformed()).ToArray();
        return numbers.Length > MaxLinks
            ? throw Malformed()
            : TypedResults.Ok(await uploads.SignAsync(UploadErrors.ParseId(id), numbers, crc32: null, links.For(request, Path), cancellationToken));

        static CommandRefusedException Malformed() => UploadErrors.ChunkIndex($"partNumbers are 1 to {MaxLinks} numbers with commas between, from 1.");
    }

    private static async Task<Ok<StoredChunk>> PutAsync(
        string id,
        int number,
        string? signature,
        [AsParameters] ChecksumFields promised,
        HttpRequest request,
        OwnLinks links,
        ReceivePartHandler handler,
        CancellationToken cancellationToken)
    {
        var uploadId = UploadErrors.ParseId(id);
        links.Demand(uploadId, number, signature);
        using var checksums = new ChunkChecksums(promised, request.HttpContext.Features.Get<IHttpRequestTrailersFeature>());
        var chunk = await handler.ReceiveAsync(uploadId, number - 1, checksums, request, cancellationToken);
        request.HttpContext.Response.Headers.ETag = $"\"{chunk.ETag}\"";
        return TypedResults.Ok(new StoredChunk(chunk.Index, chunk.ETag, chunk.SizeBytes, Hex.Of(chunk.Crc32)));
    }

    private static async Task<Ok<CompletedMultipart>> CompleteAsync(
        string id, CompleteMultipart command, DirectUploads uploads, CancellationToken cancellationToken)
    {
        var upload = await uploads.CompleteAsync(UploadErrors.ParseId(id), command, cancellationToken);
        var file = upload.Session;
        return TypedResults.Ok(new CompletedMultipart(
            $"/v1/uploads/{file.UploadId}", file.Key, file.UploadId, file.SizeBytes, GetUploadHandler.NameOf(upload.Status)));
    }
}
