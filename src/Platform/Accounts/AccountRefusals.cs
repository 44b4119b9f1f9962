using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;
using Platform.Languages;

namespace Platform.Accounts;

/// <summary>What Identity refuses, in the language of the page. An account's name is its e-mail address: each is refused in the words of the other.</summary>
internal sealed class AccountRefusals(IStringLocalizer<Texts> texts) : IdentityErrorDescriber
{
    public override IdentityError DefaultError() => Of(nameof(DefaultError), texts["AccountRefusal.Other"]);

    public override IdentityError ConcurrencyFailure() => Of(nameof(ConcurrencyFailure), texts["AccountRefusal.Other"]);

    public override IdentityError PasswordTooShort(int length) => Of(nameof(PasswordTooShort), texts["AccountRefusal.PasswordTooShort", length]);

    public override IdentityError PasswordMismatch() => Of(nameof(PasswordMismatch), texts["AccountRefusal.WrongPassword"]);

    public override IdentityError InvalidEmail(string? email) => Of(nameof(InvalidEmail), texts["AccountRefusal.NoEmail"]);

    public override IdentityError InvalidUserName(string? userName) => Of(nameof(InvalidUserName), texts["AccountRefusal.NoEmail"]);

    public override IdentityError DuplicateEmail(string email) => Of(nameof(DuplicateEmail), texts["AccountRefusal.EmailTaken"]);

    public override IdentityError DuplicateUserName(string userName) => Of(nameof(DuplicateUserName), texts["AccountRefusal.EmailTaken"]);

    private static IdentityError Of(string code, string description) => new() { Code = code, Description = description };
}
