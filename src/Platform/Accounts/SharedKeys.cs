using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Npgsql;

namespace Platform.Accounts;

/// <summary>Keeps the keys that cookies are signed with in the database: a session holds on every node, and over a redeploy.</summary>
internal sealed class SharedKeys(NpgsqlDataSource database) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var query = database.CreateCommand("select xml from accounts.data_protection_key");
        using var rows = query.ExecuteReader();
        var keys = new List<XElement>();
        while (rows.Read())
        {
            keys.Add(XElement.Parse(rows.GetString(0)));
        }

        return keys;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        using var insert = database.CreateCommand(
            "insert into accounts.data_protection_key (name, xml) values ($1, $2) on conflict (name) do update set xml = excluded.xml");
        insert.Parameters.Add(new() { Value = friendlyName });
        insert.Parameters.Add(new() { Value = element.ToString(SaveOptions.DisableFormatting) });
        insert.ExecuteNonQuery();
    }
}
