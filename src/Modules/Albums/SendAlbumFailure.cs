using Albums.Contracts;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Mail;

namespace Albums;

/// <summary>Tells all admins that an album failed, and why. Safe to repeat.</summary>
/// <param name="Version">Of the event that says so.</param>
internal sealed record SendAlbumFailure(Guid AlbumId, long Version);

internal sealed class SendAlbumFailureHandler(EventStore store, AdminAddresses admins, IMailer mailer, AlbumOptions options, TimeProvider clock)
    : IJob<SendAlbumFailure>
{
    public async Task RunAsync(SendAlbumFailure command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (album is not { Status: AlbumStatus.Failed, Failure: { } failure } || album.FailuresTold.Contains(command.Version))
        {
            return;
        }

        foreach (var (personId, email) in await admins.ListAsync(cancellationToken))
        {
            await mailer.SendAsync(Compose(command, album, failure.Reason, personId, email), cancellationToken);
        }

        var told = new AdminsTold(command.Version, clock.GetUtcNow());
        await store.DecideAsync<Album, IAlbumEvent>(
            command.AlbumId, state => state.FailuresTold.Contains(command.Version) ? [] : [told], cancellationToken);
    }

    public Task GaveUpAsync(SendAlbumFailure command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // lists show the failure

    // The detail stays here: it may name keys and servers, and mail is read elsewhere.
    private Mail Compose(SendAlbumFailure command, Album album, string reason, Guid personId, string email) => new MailLayout(
        new MailBrand(),
        $"An album of {album.Request!.WeddingId} failed",
        [
            $"The album of {album.Request.WeddingId} could not be made: {AlbumFailure.Of(reason).Detail} ({reason})",
            "Nothing is lost. Once the cause is repaired, replay it: it goes on where it stopped.",
        ],
        [new MailButton("Look at the album", new Uri(options.Url, $"admin/albums/{command.AlbumId}").ToString())],
        [])
        .ToMail($"album-{command.AlbumId}-failed-{command.Version}-{personId:n}", email);
}
