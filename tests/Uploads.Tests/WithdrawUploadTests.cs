using System.Net;
using System.Text.Json;
using Platform.Accounts;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

public sealed class FolderWithdrawUploadTests(FolderNode node) : WithdrawUploadTests(node), IClassFixture<FolderNode>;

public sealed class S3WithdrawUploadTests(S3Node node) : WithdrawUploadTests(node), IClassFixture<S3Node>;

public abstract class WithdrawUploadTests(UploadNode node)
{
    private static readonly byte[] Bytes = "a photo of the cake"u8.ToArray();

    private readonly UploadHost host = node.Host;
    private readonly string token = Secret.New();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_file_that_is_taken_back_is_gone_from_the_store()
    {
        var (id, key) = await SendAsync();
        AssertDone(await WithdrawAsync(id, token));
        Assert.Null(await node.Storage.HeadAsync(key, Cancellation));
        Assert.Equal("withdrawn", (await host.StatusAsync(id)).GetProperty("status").GetString());
        AssertDone(await WithdrawAsync(id, token));
        Assert.Equal(
            ["upload_initiated", "chunk_stored", "completion_started", "upload_completed", "upload_withdrawn", "parts_discarded"], await host.HistoryAsync(id));
        await RefusedAsync(await host.PutChunkAsync(id, 0, new ByteArrayContent(Bytes)), 410, "UPLOAD_WITHDRAWN");
    }

    [Fact]
    public async Task Nobody_takes_back_what_they_did_not_send()
    {
        var (id, key) = await SendAsync();
        await RefusedAsync(await WithdrawAsync(id, Secret.New()), 403, "WITHDRAWAL_REFUSED");
        await RefusedAsync(await WithdrawAsync(id, null), 403, "WITHDRAWAL_REFUSED");
        Assert.NotNull(await node.Storage.HeadAsync(key, Cancellation));
        var withoutToken = (await host.InitAsync(Bytes.Length)).Id();
        await RefusedAsync(await WithdrawAsync(withoutToken, token), 403, "WITHDRAWAL_REFUSED");
    }

    [Fact]
    public async Task What_a_crash_left_of_a_withdrawn_file_the_sweep_deletes()
    {
        var (id, key) = await SendAsync();
        await host.Events.DecideAsync<Upload, IUploadEvent>(
            id, upload => WithdrawUploadHandler.Decide(upload, new(token), node.Clock.GetUtcNow()), Cancellation);
        Assert.NotNull(await node.Storage.HeadAsync(key, Cancellation));
        await Eventually.HoldsAsync(async () =>
        {
            await host.Sweep.SweepAsync(Cancellation); // sees what the table tells, which follows the log
            return await node.Storage.HeadAsync(key, Cancellation) is null;
        });
        Assert.Equal("parts_discarded", (await host.HistoryAsync(id))[^1]);
    }

    [Fact]
    public async Task An_open_upload_is_given_up()
    {
        var id = (await ReadAsync(await InitAsync(token), 201)).Id();
        AssertDone(await WithdrawAsync(id, token));
        Assert.Equal(["upload_initiated", "upload_aborted", "parts_discarded"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task The_name_of_a_guest_is_with_the_file_and_its_token_is_not_kept()
    {
        var (id, _) = await SendAsync(guestName: " Zoe\u0308 ");
        var upload = (await host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State;
        Assert.Equal("Zoë", upload.Result!.GuestName);
        Assert.DoesNotContain(token, JsonSerializer.Serialize(upload.Session), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Anna\nBen")]
    [InlineData("\u202Enna")]
    [InlineData("a name that is longer than anybody is called, and that would push what stands beside it away")]
    public async Task A_name_that_would_disturb_what_stands_around_it_is_refused(string name) =>
        await RefusedAsync(await InitAsync(token, name), 400, "INVALID_GUEST_NAME");

    [Theory]
    [InlineData("1234")]
    [InlineData("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!")]
    public async Task A_token_that_could_be_guessed_is_refused(string guessable) =>
        await RefusedAsync(await InitAsync(guessable), 400, "INVALID_WITHDRAW_TOKEN");

    private async Task<(Guid Id, string Key)> SendAsync(string? guestName = null)
    {
        var upload = await ReadAsync(await InitAsync(token, guestName), 201);
        var etag = await host.SendAsync(upload.Id(), 0, Bytes);
        await ReadAsync(await host.CompleteAsync(upload.Id(), etag), 200);
        return (upload.Id(), upload.Key());
    }

    private Task<HttpResponseMessage> InitAsync(string withdrawToken, string? guestName = null) => host.PostAsync(
        "/v1/uploads/init",
        new InitiateUpload("a.txt", "text/plain", Bytes.Length, "member", "u1", "w1", GuestName: guestName, WithdrawToken: withdrawToken));

    private Task<HttpResponseMessage> WithdrawAsync(Guid id, string? by) => host.PostAsync($"/v1/uploads/{id}/withdraw", new WithdrawUpload(by));

    private static void AssertDone(HttpResponseMessage answer)
    {
        using (answer)
        {
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }
    }
}
