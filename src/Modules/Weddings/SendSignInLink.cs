using Microsoft.Extensions.Localization;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Languages;
using Platform.Mail;
using Weddings.Contracts;

namespace Weddings;

/// <summary>Mails a sign-in link to one address of a couple. Safe to repeat.</summary>
/// <param name="RequestVersion">Of the event that asks for it.</param>
internal sealed record SendSignInLink(string WeddingId, int Recipient, long RequestVersion);

internal sealed class SendSignInLinkHandler(EventStore store, CoupleSignIn signIn, IMailer mailer, IStringLocalizer<Texts> texts, PublicUrl publicUrl, TimeProvider clock)
    : IJob<SendSignInLink>
{
    // Who asked waits for it: better none than one that comes hours later.
    internal static readonly JobRetry Retry = new(8, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5));

    public async Task RunAsync(SendSignInLink command, CancellationToken cancellationToken)
    {
        var wedding = (await store.FoldAsync<Wedding, IWeddingEvent>(command.WeddingId, cancellationToken)).State;
        if (wedding.Registered is not { } registered || wedding.SignInsSent.Contains(command.RequestVersion))
        {
            return;
        }

        var link = publicUrl.Of(AccountPaths.CoupleSignInOf(await signIn.CreateAsync(command.WeddingId, cancellationToken)).TrimStart('/'));
        var mail = Compose(texts, registered.Name, wedding.Branding, link)
            .ToMail($"wedding-{command.WeddingId}-signin-{command.RequestVersion}", registered.Emails[command.Recipient]);
        await mailer.SendAsync(mail, cancellationToken);
        var sent = new SignInLinkSent(command.Recipient, command.RequestVersion, clock.GetUtcNow());
        await store.DecideAsync<Wedding, IWeddingEvent>(
            command.WeddingId, state => state.SignInsSent.Contains(command.RequestVersion) ? [] : [sent], cancellationToken);
    }

    public Task GaveUpAsync(SendSignInLink command, Exception error, CancellationToken cancellationToken)
    {
        var failed = new SignInMailFailed(command.Recipient, error is MailException ? error.Message : error.GetType().Name, clock.GetUtcNow());
        return store.DecideAsync<Wedding, IWeddingEvent>(command.WeddingId, _ => [failed], cancellationToken);
    }

    internal static MailLayout Compose(IStringLocalizer<Texts> texts, string name, Branding branding, string link)
    {
        using var spoken = Language.Speak(branding.Language);
        return new(
            new MailBrand(branding.Studio ?? texts["Mail.Studio"], branding.Color, branding.LogoUrl, branding.Language),
            texts["SignInMail.Subject", name],
            [texts["SignInMail.Opening", name]],
            [new MailButton(texts["SignInMail.Button"], link)],
            [texts["SignInMail.Closing"]]);
    }
}

/// <summary>Queues the mail for each wish to sign in.</summary>
internal sealed class WeddingReactions(JobQueue jobs) : ISubscription
{
    public string Name => "wedding_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(SignInRequested)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) => jobs.EnqueueAsync(
        $"send_sign_in_link/{e.StreamId}/{e.Version}",
        new SendSignInLink(e.StreamId, ((SignInRequested)e.Payload).Recipient, e.Version),
        transaction,
        cancellationToken);
}
