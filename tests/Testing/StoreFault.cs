using Microsoft.AspNetCore.Http;

namespace Testing;

/// <summary>What an S3 server is asked for.</summary>
public enum S3Operation
{
    Head,
    Get,
    List,
    Put,
    Delete,
    Begin,
    PutPart,
    CopyPart,
    ListParts,
    ListUploads,
    Complete,
    Abort,
}

/// <summary>What an <see cref="S3FaultProxy"/> does wrong with a request, once.</summary>
public enum StoreFault
{
    /// <summary>500, without doing anything.</summary>
    InternalError,

    /// <summary>503 ServiceUnavailable, without doing anything.</summary>
    ServiceUnavailable,

    /// <summary>503 SlowDown, without doing anything.</summary>
    SlowDown,

    /// <summary>429 with <c>Retry-After: 1</c>, without doing anything.</summary>
    TooManyRequests,

    /// <summary>Closes the connection without doing anything.</summary>
    CutConnection,

    /// <summary>Does what was asked and closes the connection instead of answering.</summary>
    LostReply,

    /// <summary>Does it twice and answers the second time, as a proxy may that repeats a request.</summary>
    Repeated,

    /// <summary>Does it, answers, and does it once more a moment later: a copy of the request took a detour.</summary>
    RepeatedLate,

    /// <summary>Passes half of the request's body on, then closes both connections.</summary>
    CutRequest,

    /// <summary>Takes half of the request's body, then nothing more.</summary>
    StalledRequest,

    /// <summary>Sends half of the answer's body, then closes the connection.</summary>
    CutReply,

    /// <summary>Sends half of the answer's body, then nothing more.</summary>
    StalledReply,

    /// <summary>Does it and sends half of the answer's XML as if that were all.</summary>
    HalfAnAnswer,

    /// <summary>200 with an error in its body, without doing anything: AWS may, when it completes or copies.</summary>
    ErrorInBody,

    /// <summary>Does it and answers 200 with an error in its body.</summary>
    ErrorAfterEffect,

    /// <summary>Overlooks that a part is to be copied, and stores the request's body, which is empty.</summary>
    EmptyCopy,

    /// <summary>Aborts the multipart upload first, as R2 does after 7 days.</summary>
    UploadAborted,

    /// <summary>Sends the whole object, whatever range of it or condition on it was asked for, as HTTP allows.</summary>
    WholeObject,

    /// <summary>A page of two entries, however many there are.</summary>
    ShortPage,

    /// <summary>A page that is truncated and does not say where the next one begins.</summary>
    PageWithoutNext,
}

/// <summary>Which faults a request can meet.</summary>
public static class StoreFaults
{
    private static readonly StoreFault[] Anywhere =
    [
        StoreFault.InternalError, StoreFault.ServiceUnavailable, StoreFault.SlowDown, StoreFault.TooManyRequests, StoreFault.CutConnection,
        StoreFault.LostReply, StoreFault.Repeated, StoreFault.RepeatedLate,
    ];

    /// <summary>All that can happen to a request.</summary>
    public static IReadOnlyList<StoreFault> Of(S3Operation operation) => operation switch
    {
        S3Operation.Put => [.. Anywhere, StoreFault.CutRequest, StoreFault.StalledRequest],
        S3Operation.PutPart => [.. Anywhere, StoreFault.CutRequest, StoreFault.StalledRequest, StoreFault.UploadAborted],
        S3Operation.Get => [.. Anywhere, StoreFault.CutReply, StoreFault.StalledReply, StoreFault.WholeObject],
        S3Operation.List => [.. Anywhere, StoreFault.CutReply, StoreFault.HalfAnAnswer, StoreFault.ShortPage, StoreFault.PageWithoutNext],
        S3Operation.ListParts =>
            [.. Anywhere, StoreFault.CutReply, StoreFault.HalfAnAnswer, StoreFault.ShortPage, StoreFault.PageWithoutNext, StoreFault.UploadAborted],
        S3Operation.Begin or S3Operation.ListUploads => [.. Anywhere, StoreFault.HalfAnAnswer],
        S3Operation.CopyPart =>
            [.. Anywhere, StoreFault.HalfAnAnswer, StoreFault.ErrorInBody, StoreFault.ErrorAfterEffect, StoreFault.EmptyCopy, StoreFault.UploadAborted],
        S3Operation.Complete =>
            [.. Anywhere, StoreFault.HalfAnAnswer, StoreFault.ErrorInBody, StoreFault.ErrorAfterEffect, StoreFault.UploadAborted],
        _ => Anywhere,
    };

    /// <summary>What a request asks for.</summary>
    internal static S3Operation OperationOf(HttpRequest request)
    {
        var isOfUpload = request.Query.ContainsKey("uploadId");
        return request.Method switch
        {
            "HEAD" => S3Operation.Head,
            "GET" when isOfUpload => S3Operation.ListParts,
            "GET" when request.Query.ContainsKey("uploads") => S3Operation.ListUploads,
            "GET" when request.Query.ContainsKey("list-type") => S3Operation.List,
            "GET" => S3Operation.Get,
            "PUT" when isOfUpload => request.Headers.ContainsKey("x-amz-copy-source") ? S3Operation.CopyPart : S3Operation.PutPart,
            "PUT" => S3Operation.Put,
            "POST" when isOfUpload => S3Operation.Complete,
            "POST" => S3Operation.Begin,
            _ => isOfUpload ? S3Operation.Abort : S3Operation.Delete,
        };
    }
}
