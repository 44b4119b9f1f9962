using Npgsql;

namespace Platform.Accounts;

/// <summary>Where admins are told of what needs them.</summary>
public sealed class AdminAddresses(NpgsqlDataSource database)
{
    public async Task<IReadOnlyList<(Guid PersonId, string Email)>> ListAsync(CancellationToken cancellationToken)
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
