using Platform.Storage;
using Testing;
using Uploads.Contracts;
using Xunit;

namespace Uploads.Tests;

public sealed class UploadDecisionTests
{
    private const long ChunkSize = 5 << 20;
    private const string Node = "this node";

    private static readonly DateTimeOffset Now = new(2026, 6, 20, 14, 0, 0, TimeSpan.Zero);
    private static readonly Guid Id = Guid.Parse("019a0000-0000-7000-8000-0123456789ab");
    private static readonly UploadInitiated Initiated = new(
        Id,
        "member/u1/20260620/videos/dance-0123456789ab.mp4",
        "m1",
        "dance.mp4",
        "video/mp4",
        (2 * ChunkSize) + 7,
        ChunkSize,
        "member",
        "u1",
        "w1",
        Now,
        Now.AddDays(6));

    private static readonly ChunkStored First = new(0, "e0", ChunkSize, 0x11111111, Now);
    private static readonly ChunkStored Second = new(1, "e1", ChunkSize, 0x22222222, Now);
    private static readonly ChunkStored Last = new(2, "e2", 7, 0x33333333, Now);
    private static readonly CompletionStarted Started = new(Node, Now);
    private static readonly StoredObject Stored = new(Initiated.Key, Initiated.SizeBytes, "etag", Now);
    private static readonly UploadCompleted Done = new(
        Id,
        "w1",
        Initiated.Key,
        "dance.mp4",
        Initiated.SizeBytes,
        Crc32.Combine(Crc32.Combine(0x11111111, 0x22222222, ChunkSize), 0x33333333, 7),
        "video/mp4",
        "etag",
        Now);

    [Fact]
    public void Chunks_are_taken_in_any_order() => Given(Initiated, Last).When(Receive(First)).Then(First);

    [Fact]
    public void The_same_chunk_twice_is_recorded_once() =>
        Given(Initiated, First).When(Receive(First with { StoredAt = Now.AddHours(1) })).ThenNothing();

    [Fact]
    public void Other_bytes_under_an_index_take_its_place()
    {
        var other = First with { ETag = "other" };
        Given(Initiated, First).When(Receive(other)).Then(other);
    }

    [Theory]
    [InlineData("UPLOAD_NOT_FOUND")]
    [InlineData("COMPLETE_IN_PROGRESS")]
    [InlineData("UPLOAD_COMPLETED")]
    [InlineData("UPLOAD_ABORTED")]
    [InlineData("UPLOAD_EXPIRED")]
    [InlineData("UPLOAD_LOST")]
    public void Only_an_open_upload_takes_chunks(string code) => Given(HistoryOf(code)).When(Receive(First)).ThenRefused(code);

    [Fact]
    public void No_chunk_is_taken_after_the_time_is_over_even_before_the_sweep() =>
        Given(Initiated).When(Receive(First with { StoredAt = Initiated.ExpiresAt })).ThenRefused("UPLOAD_EXPIRED");

    [Fact]
    public void Completion_begins_once_every_chunk_is_stored() => Given(Initiated, Last, First, Second).When(Complete()).Then(Started);

    [Fact]
    public void An_empty_file_is_complete_without_chunks() =>
        Given(Initiated with { SizeBytes = 0, MultipartId = null })
            .When(upload => CompleteUploadHandler.Decide(upload, new([]), Node, Now))
            .Then(Started);

    [Fact]
    public void Completion_names_every_missing_chunk()
    {
        var refusal = Given(Initiated, Second).When(Complete()).ThenRefused("MISSING_PARTS");
        Assert.Equal([0, 2], Assert.IsType<int[]>(refusal.Members["missingChunks"]));
    }

    [Fact]
    public void A_chunk_the_client_does_not_name_is_missing()
    {
        var refusal = Given(Initiated, First, Second, Last)
            .When(upload => CompleteUploadHandler.Decide(upload, new([new(0, "e0"), null, new(1, "e1")]), Node, Now))
            .ThenRefused("MISSING_PARTS");
        Assert.Equal([2], Assert.IsType<int[]>(refusal.Members["missingChunks"]));
    }

    [Fact]
    public void Completion_names_every_chunk_stored_with_other_bytes()
    {
        var refusal = Given(Initiated, First, Second with { ETag = "replaced" }, Last).When(Complete()).ThenRefused("ETAG_MISMATCH");
        Assert.Equal([1], Assert.IsType<int[]>(refusal.Members["mismatchedChunks"]));
    }

    [Fact]
    public void Completion_refuses_a_chunk_the_file_does_not_have() =>
        Given(Initiated, First, Second, Last)
            .When(upload => CompleteUploadHandler.Decide(upload, new([new(3, "e3")]), Node, Now))
            .ThenRefused("INVALID_CHUNK_INDEX");

    [Fact]
    public void Another_node_completes_only_after_the_lease()
    {
        var whole = Given(Initiated, First, Second, Last, Started with { Node = "another" });
        whole.When(Complete(Now.AddSeconds(29))).ThenRefused("COMPLETE_IN_PROGRESS");
        whole.When(Complete(Now.AddSeconds(30))).Then(Started with { StartedAt = Now.AddSeconds(30) });
    }

    [Fact]
    public void A_complete_upload_is_not_completed_again() =>
        Given(Initiated, First, Second, Last, Started, Done).When(Complete()).ThenNothing();

    [Fact]
    public void The_object_in_the_store_completes_the_upload() =>
        Given(Initiated, First, Second, Last, Started).When(Finish(Stored)).Then(Done);

    [Fact]
    public void Neither_parts_nor_object_is_a_loss_and_never_complete()
    {
        var completing = Given(Initiated, First, Second, Last, Started);
        completing.When(Finish(null)).Then(new UploadLost(Now));
        completing.When(Finish(Stored with { SizeBytes = 1 })).Then(new UploadLost(Now));
    }

    [Fact]
    public void An_object_found_after_all_makes_up_for_a_loss() =>
        Given(Initiated, First, Second, Last, Started, new UploadLost(Now)).When(Finish(Stored)).Then(Done);

    [Fact]
    public void Chunks_the_store_does_not_have_are_asked_for_again() =>
        Given(Initiated, First, Second, Last, Started)
            .When(upload => CompleteUploadHandler.DecideRefused(upload, [new(1, "e0", ChunkSize), new(2, "other", ChunkSize)], Now))
            .Then(new ChunksInvalidated([1, 2], Now));

    [Fact]
    public void An_upload_whose_chunks_were_invalidated_goes_on()
    {
        var reopened = Given(Initiated, First, Second, Last, Started, new ChunksInvalidated([1], Now));
        reopened.When(Receive(Second)).Then(Second);
        Assert.Equal([1], Assert.IsType<int[]>(reopened.When(Complete()).ThenRefused("MISSING_PARTS").Members["missingChunks"]));
    }

    [Fact]
    public void An_open_upload_is_aborted() => Given(Initiated, First).When(Abort).Then(new UploadAborted(Now));

    [Theory]
    [InlineData("UPLOAD_NOT_FOUND")]
    [InlineData("COMPLETE_IN_PROGRESS")]
    [InlineData("UPLOAD_COMPLETED")]
    [InlineData("UPLOAD_EXPIRED")]
    public void What_is_not_open_is_not_aborted(string code) => Given(HistoryOf(code)).When(Abort).ThenRefused(code);

    [Fact]
    public void An_open_upload_expires_when_its_time_is_over()
    {
        var expired = new UploadExpired(Initiated.ExpiresAt);
        Given(Initiated, First).When(upload => ExpireUploads.Decide(upload, expired.ExpiredAt)).Then(expired);
        Given(Initiated, First).When(upload => ExpireUploads.Decide(upload, expired.ExpiredAt.AddTicks(-1))).ThenNothing();
        Given(Initiated, First, Second, Last, Started).When(upload => ExpireUploads.Decide(upload, expired.ExpiredAt)).ThenNothing();
    }

    private static Decision<Upload, IUploadEvent> Given(params IUploadEvent[] history) => new(UploadsModule.MapEvents, history);

    private static IUploadEvent[] HistoryOf(string code) => code switch
    {
        "UPLOAD_NOT_FOUND" => [],
        "COMPLETE_IN_PROGRESS" => [Initiated, First, Second, Last, Started],
        "UPLOAD_COMPLETED" => [Initiated, First, Second, Last, Started, Done],
        "UPLOAD_ABORTED" => [Initiated, new UploadAborted(Now)],
        "UPLOAD_EXPIRED" => [Initiated, new UploadExpired(Now)],
        _ => [Initiated, new UploadLost(Now)],
    };

    private static Func<Upload, IReadOnlyList<IUploadEvent>> Receive(ChunkStored chunk) =>
        upload => ReceivePartHandler.Decide(upload, chunk);

    private static Func<Upload, IReadOnlyList<IUploadEvent>> Complete(DateTimeOffset? at = null) =>
        upload => CompleteUploadHandler.Decide(upload, new([new(0, "e0"), new(1, "\"e1\""), new(2, "e2")]), Node, at ?? Now);

    private static Func<Upload, IReadOnlyList<IUploadEvent>> Finish(StoredObject? stored) =>
        upload => CompleteUploadHandler.DecideCompleted(upload, stored, null, Now);

    private static IReadOnlyList<IUploadEvent> Abort(Upload upload) => AbortUploadHandler.Decide(upload, Now);
}
