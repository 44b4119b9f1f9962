using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Languages;
using Platform.Mail;
using Platform.Settings;

namespace Platform.Accounts;

/// <summary>Tells all admins of what needs them, in the language of <see cref="MailSettings"/>.</summary>
public sealed class AdminMail(
    NpgsqlDataSource database, IMailer mailer, LiveSettings<MailSettings> settings, IStringLocalizer<Texts> texts, ILogger<AdminMail> log)
{
    /// <summary>Sends the same to each. A mailbox that refuses for good keeps it from nobody else: trying again would be the mail once more for the others.</summary>
    /// <param name="id">Of the mail. A repetition is the same mail, by which mailboxes know it.</param>
    /// <param name="compose">While that language is spoken.</param>
    /// <exception cref="MailException">It could not be sent to somebody now; the next attempt may help.</exception>
    public async Task SendAsync(string id, Func<MailBrand, MailLayout> compose, CancellationToken cancellationToken)
    {
        var (current, _) = await settings.ReadAsync(cancellationToken);
        var layout = Compose(current.AdminLanguage);
        foreach (var (personId, email) in await ListAsync(cancellationToken))
        {
            try
            {
                await mailer.SendAsync(layout.ToMail($"{id}-{personId:n}", email), cancellationToken);
            }
            catch (MailException refused) when (refused.IsPermanent)
            {
                log.AdminRefusesMail(refused, id, personId);
            }
        }

        MailLayout Compose(string language)
        {
            using var spoken = Language.Speak(language);
            return compose(new MailBrand(texts["Mail.Studio"], Language: language));
        }
    }

    private async Task<IReadOnlyList<(Guid PersonId, string Email)>> ListAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select p."Id", p."Email" from accounts."AspNetUsers" p
            join accounts."AspNetUserRoles" r on r."UserId" = p."Id"
            join accounts."AspNetRoles" n on n."Id" = r."RoleId" and n."Name" = 'admin'
            order by p."Id"
            """);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var admins = new List<(Guid, string)>();
        while (await rows.ReadAsync(cancellationToken))
        {
            admins.Add((rows.GetGuid(0), rows.GetString(1)));
        }

        return admins;
    }
}
