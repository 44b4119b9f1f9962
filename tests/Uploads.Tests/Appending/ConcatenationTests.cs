using System.Security.Cryptography;
using Platform.Storage;
using Xunit;

namespace Uploads.Tests;

public sealed class FolderConcatenationTests(FolderNode node) : ConcatenationTests(node), IClassFixture<FolderNode>;

public sealed class S3ConcatenationTests(S3Node node) : ConcatenationTests(node), IClassFixture<S3Node>;

/// <summary>The concatenation extension of tus 1.0.0, clause by clause.</summary>
public abstract class ConcatenationTests(UploadNode node) : IDisposable
{
    private readonly AppendClient tus = new(node.Host);
    private readonly IObjectStorage storage = node.Storage;

    public void Dispose()
    {
        node.Clock.Shift = TimeSpan.Zero;
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// "Multiple partial uploads are concatenated into a final upload in the specified order. … The length of the final upload MUST be the sum of
    /// the length of all partial uploads." "The partial uploads URLs MAY be absolute or relative". "After successful concatenation, the
    /// Upload-Offset and Upload-Length MUST be set and their values MUST be equal." "Response to HEAD request against partial or final upload MUST
    /// include the Upload-Concat header and its value as received in the upload creation request." "The response to a HEAD request for a partial
    /// upload MUST contain the Upload-Offset header."
    /// </summary>
    [Fact]
    public async Task Pieces_become_one_file_in_order()
    {
        var (a, b) = (await PieceAsync("hello"u8.ToArray()), await PieceAsync(" world"u8.ToArray()));
        Assert.Equal(("partial", "6"), (await tus.TusHeadAsync(b)).Is(200) is var piece ? (piece["Upload-Concat"], piece["Upload-Offset"]) : default);
        var concat = $"final;{a} http://tus.example.org{b} {a}";
        var url = (await tus.TusPostAsync($"Upload-Concat: {concat}")).Is(201)["Location"];
        var head = (await tus.TusHeadAsync(url)).Is(200);
        Assert.Equal((concat, "16", "16"), (head["Upload-Concat"], head["Upload-Offset"], head["Upload-Length"]));
        await tus.HoldsAsync(url, storage, "hello worldhello"u8.ToArray());

        // "The Client, however, MAY attempt to use a partial upload multiple times. … MAY be used in multiple upload creation requests."
        await tus.HoldsAsync((await tus.TusPostAsync($"Upload-Concat: final;{b}")).Is(201)["Location"], storage, " world"u8.ToArray());
    }

    /// <summary>Large pieces are copied by the store, in equal parts, and what crosses a seam is sent again.</summary>
    [Fact]
    public async Task Large_pieces_are_copied_by_the_store()
    {
        var bytes = RandomNumberGenerator.GetBytes(150 << 20);
        var cuts = new[] { 0, 70_000_001, 70_000_001, 70_000_004, bytes.Length };
        var pieces = new List<string>();
        foreach (var (from, to) in cuts.Zip(cuts.Skip(1)))
        {
            pieces.Add(await PieceAsync(bytes[from..to]));
        }

        var url = (await tus.TusPostAsync($"Upload-Concat: final;{string.Join(' ', pieces)}")).Is(201)["Location"];
        await tus.HoldsAsync(url, storage, bytes);
    }

    /// <summary>"The Server SHOULD NOT process these partial uploads until they are concatenated to form a final upload." Nobody hears of a piece.</summary>
    [Fact]
    public async Task A_piece_is_no_file()
    {
        var url = await PieceAsync("piece"u8.ToArray());
        Assert.Equal("partial_completed", (await tus.HistoryAsync(url))[^1]);
    }

    /// <summary>"The Client MUST NOT include the Upload-Length header in the final upload creation." Without pieces, or with others, it is nothing.</summary>
    [Fact]
    public async Task A_concatenation_of_anything_else_is_refused()
    {
        var piece = await PieceAsync("piece"u8.ToArray());
        (await tus.TusPostAsync($"Upload-Concat: final;{piece}", "Upload-Length: 5")).Refuses(400, "INVALID_UPLOAD_HEADER");
        (await tus.TusPostAsync("Upload-Concat: whatever", "Upload-Length: 5")).Refuses(400, "INVALID_UPLOAD_HEADER");
        (await tus.TusPostAsync($"Upload-Concat: final;/v1/tus/{Guid.NewGuid()}")).Refuses(400, "INVALID_CONCATENATION");
        (await tus.TusPostAsync($"Upload-Concat: final;{await tus.TusCreateAsync(5)}")).Refuses(400, "INVALID_CONCATENATION");
        (await tus.TusPostAsync($"Upload-Concat: final;{await tus.TusCreateAsync(0)}")).Refuses(400, "INVALID_CONCATENATION");
        (await tus.TusPostAsync($"Upload-Concat: final;{await tus.TusCreateAsync(5, "Upload-Concat: partial")}")).Refuses(400, "INVALID_CONCATENATION");
    }

    /// <summary>"The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL and MUST NOT modify the final or its partial uploads."</summary>
    [Fact]
    public async Task Nothing_is_appended_to_a_concatenation()
    {
        var url = (await tus.TusPostAsync($"Upload-Concat: final;{await PieceAsync("piece"u8.ToArray())}")).Is(201)["Location"];
        (await tus.TusPatchAsync(url, 5, [1])).Refuses(403, "FINAL_UPLOAD");
        await tus.HoldsAsync(url, storage, "piece"u8.ToArray());
    }

    /// <summary>"When creating a new final upload the partial uploads' metadata SHALL NOT be transferred to the new final upload."</summary>
    [Fact]
    public async Task Metadata_of_pieces_stays_with_them()
    {
        var piece = await PieceAsync("piece"u8.ToArray(), $"Upload-Metadata: filename {AppendClient.Base64("piece.txt")}");
        var url = (await tus.TusPostAsync($"Upload-Concat: final;{piece}")).Is(201)["Location"];
        Assert.Equal("", (await tus.TusHeadAsync(url)).Is(200)["Upload-Metadata"]);
        Assert.Equal("a.txt", (await node.Host.StatusAsync(AppendClient.IdOf(url))).GetProperty("fileName").GetString());
    }

    [Fact]
    public async Task Empty_pieces_make_an_empty_file()
    {
        var piece = await tus.TusCreateAsync(0, "Upload-Concat: partial");
        await tus.HoldsAsync((await tus.TusPostAsync($"Upload-Concat: final;{piece} {piece}")).Is(201)["Location"], storage);
    }

    /// <summary>"The Server MAY delete partial uploads after concatenation." An hour later they are gone, and the file is not.</summary>
    [Fact]
    public async Task Used_pieces_go_after_an_hour()
    {
        var piece = await PieceAsync("piece"u8.ToArray());
        var key = $"partial/{AppendClient.IdOf(piece):N}";
        var url = (await tus.TusPostAsync($"Upload-Concat: final;{piece}")).Is(201)["Location"];
        Assert.NotNull(await storage.HeadAsync(key, TestContext.Current.CancellationToken));
        node.Clock.Shift = TimeSpan.FromMinutes(61);
        await Eventually.HoldsAsync(async () =>
        {
            await node.Host.Sweep.SweepAsync(TestContext.Current.CancellationToken);
            return await storage.HeadAsync(key, TestContext.Current.CancellationToken) is null;
        });
        (await tus.TusHeadAsync(piece)).Is(410);
        await tus.HoldsAsync(url, storage, "piece"u8.ToArray());
    }

    private async Task<string> PieceAsync(byte[] bytes, params IEnumerable<string> headers)
    {
        var created = (await tus.TusAsync("POST", AppendClient.Tus, null, [$"Upload-Length: {bytes.Length}", "Upload-Concat: partial", .. headers])).Is(201);
        if (bytes.Length > 0)
        {
            (await tus.TusPatchAsync(created["Location"], 0, bytes)).Is(204);
        }

        return created["Location"];
    }
}
